import Ledger
import Synchronization

/// What is known of a request beside what it says of itself.
struct RequestFacts: Sendable {
    /// The server's own id of this request: `req_` and 16 hex digits.
    let trace: String
    /// Where the request comes from, proxies seen through; nil when that has no address.
    let client: InternetAddress?
    /// What the limits say to this request.
    let limits = LimitReport()

    init(client: InternetAddress?) {
        trace = Self.newTrace()
        self.client = client
    }

    /// A fresh id of a request.
    static func newTrace() -> String {
        let number = traceNumbers.next()
        return String(unsafeUninitializedCapacity: 20) { text in
            for (index, character) in "req_".utf8.enumerated() { text[index] = character }
            LowerCaseDigits.write(number, to: text, at: 4)
            return 20
        }
    }

    private static let traceNumbers = TraceNumbers()
}

/// Numbers that a process gives out once each, in no order that could be told from chance: they name requests and keep
/// nothing secret, so they need no system call each (SplitMix64, Steele, Lea and Flood 2014, of a counter).
private final class TraceNumbers: Sendable {
    private let counter = Atomic(UInt64.random(in: .min ... .max))

    func next() -> UInt64 {
        var number = counter.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
        return number ^ (number >> 31)
    }
}
