import Hummingbird
import Ledger
import NIOCore

/// What the HTTP server knows of a request beside its head and body.
struct APIRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The server's own id of this request: `req_` and 16 hex digits.
    let trace: String
    /// The other end of the connection.
    let peer: InternetAddress?
    /// Where the request comes from, proxies seen through; set by ``AnswerMiddleware``.
    var client: InternetAddress?
    /// What the limits say to this request.
    let limits = LimitReport()

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = InternetAddress(of: source.channel)
        trace = Self.newTrace()
    }

    /// A fresh id of a request.
    static func newTrace() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return "req_" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
