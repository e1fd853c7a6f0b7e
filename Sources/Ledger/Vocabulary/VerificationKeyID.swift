public import EventStore

/// Names the public key of one proof: `nrx-verify-20260301T143000Z-a8f3e71c`, from the second in which the session was
/// destroyed and the first 8 hex digits of the session's id (docs/cdp.md).
///
/// Two sessions that share both would share the name; the second one waits for the next second.
public struct VerificationKeyID: Sendable, Hashable {
    /// Seconds since 1970-01-01T00:00:00Z.
    public let destroyedAtSeconds: Int64
    /// The first 32 bits of the session's id.
    public let sessionPrefix: UInt32

    /// The name for `session` destroyed in the second of `destroyedAt`.
    public init(session: SessionID, destroyedAt: Timestamp) {
        destroyedAtSeconds = destroyedAt.wholeSecond.microseconds / 1_000_000
        sessionPrefix = UInt32(truncatingIfNeeded: session.high >> 32)
    }

    /// Reads exactly the form of ``text``; nil for anything else.
    public init?(_ text: String) {
        var text = text
        guard let id = text.withUTF8({ Self(utf8: $0) }) else { return nil }
        self = id
    }

    /// Same, of the text's UTF-8.
    init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count == Self.textBytes, bytes.starts(with: "nrx-verify-".utf8), bytes[27] == UInt8(ascii: "-")
        else { return nil }
        // `YYYYMMDDTHHMMSSZ` with its separators put back is what `Timestamp` reads, and it reads nothing else.
        let time = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { time in
            var count = 0
            for (index, byte) in bytes[11..<27].enumerated() {
                if index == 4 || index == 6 || index == 11 || index == 13 {
                    time[count] = index < 11 ? UInt8(ascii: "-") : UInt8(ascii: ":")
                    count += 1
                }
                time[count] = byte
                count += 1
            }
            return Timestamp(utf8: UnsafeBufferPointer(time))
        }
        guard let time, let prefix = LowerCaseDigits.number(bytes, at: 28, count: 8) else { return nil }
        destroyedAtSeconds = time.microseconds / 1_000_000
        sessionPrefix = UInt32(truncatingIfNeeded: prefix)
    }

    /// Length of ``text``, in bytes.
    private static let textBytes = 36

    /// When the session was destroyed, by its name.
    public var destroyedAt: Timestamp { Timestamp(microseconds: destroyedAtSeconds * 1_000_000) }

    /// `nrx-verify-` time `-` session prefix.
    public var text: String {
        var bytes = Array("nrx-verify-".utf8)
        bytes.reserveCapacity(Self.textBytes)
        for byte in destroyedAt.secondsText.utf8 where byte != UInt8(ascii: "-") && byte != UInt8(ascii: ":") {
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "-"))
        for shift in stride(from: 28, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: sessionPrefix >> UInt32(shift)) & 15
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension VerificationKeyID: CustomStringConvertible {
    public var description: String { text }
}
