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
        let characters = Array(text.utf8)
        guard characters.count == 36, characters.starts(with: "nrx-verify-".utf8),
            characters[27] == UInt8(ascii: "-"), let prefix = UInt32(text.suffix(8), radix: 16)
        else { return nil }
        let time = Array(text.dropFirst(11).prefix(16))
        guard time.count == 16 else { return nil }
        let spelled =
            "\(String(time[0..<4]))-\(String(time[4..<6]))-\(String(time[6...8]))"
            + "\(String(time[9..<11])):\(String(time[11..<13])):\(String(time[13...15]))"
        guard let destroyedAt = Timestamp(spelled) else { return nil }
        destroyedAtSeconds = destroyedAt.microseconds / 1_000_000
        sessionPrefix = prefix
        guard self.text == text else { return nil }
    }

    /// When the session was destroyed, by its name.
    public var destroyedAt: Timestamp { Timestamp(microseconds: destroyedAtSeconds * 1_000_000) }

    /// `nrx-verify-` time `-` session prefix.
    public var text: String {
        let digits = String(sessionPrefix, radix: 16)
        return "nrx-verify-\(destroyedAt.compactText)-" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}

extension VerificationKeyID: CustomStringConvertible {
    public var description: String { text }
}
