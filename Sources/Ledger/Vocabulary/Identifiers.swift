/// What an ``Identifier`` names.
public protocol IdentifiedEntity: Sendable {
    /// What its identifiers begin with, for example `sess_`.
    static var identifierPrefix: String { get }
}

/// An identifier: a prefix that says what it names and 32 random lower-case hex digits.
///
/// ```swift
/// SessionID("sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06")?.text
/// ```
///
/// Held as 128 bits, so that a map of a million of them stays small and never compares text.
public struct Identifier<Entity: IdentifiedEntity>: Sendable, Hashable {
    /// The first 64 of the 128 bits.
    public let high: UInt64
    /// The last 64 of the 128 bits.
    public let low: UInt64

    /// The identifier with these 128 bits.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh identifier; `generator` must be unpredictable outside tests.
    public init(using generator: inout some RandomNumberGenerator) {
        self.init(high: generator.next(), low: generator.next())
    }

    /// Reads exactly the form of ``text``; nil for anything else, upper-case digits included.
    public init?(_ text: String) {
        var text = text
        guard let id = text.withUTF8({ Self(utf8: $0) }) else { return nil }
        self = id
    }

    /// Same, of the text's UTF-8.
    init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        let prefix = Entity.identifierPrefix.utf8
        guard bytes.count == prefix.count + 32 else { return nil }
        var place = 0
        for byte in prefix {
            guard bytes[place] == byte else { return nil }
            place += 1
        }
        guard let high = LowerCaseDigits.number(bytes, at: place, count: 16),
            let low = LowerCaseDigits.number(bytes, at: place + 16, count: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    /// The prefix and 32 lower-case hex digits.
    public var text: String {
        String(unsafeUninitializedCapacity: 40) { buffer in
            var count = 0
            for byte in Entity.identifierPrefix.utf8 {
                buffer[count] = byte
                count += 1
            }
            for word in [high, low] {
                for shift in stride(from: 60, through: 0, by: -4) {
                    let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
                    buffer[count] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                    count += 1
                }
            }
            return count
        }
    }
}

extension Identifier: CustomStringConvertible {
    public var description: String { text }
}

/// Names a customer: `cust_…`.
public typealias CustomerID = Identifier<CustomerEntity>
/// Names an API key: `key_…`.
public typealias KeyID = Identifier<KeyEntity>
/// Names a member of a customer's organisation: `mem_…`.
public typealias MemberID = Identifier<MemberEntity>
/// Names an invitation to an organisation: `inv_…`.
public typealias InvitationID = Identifier<InvitationEntity>
/// Names a sign-in, which is a family of refresh tokens: `sign_…`.
public typealias SignInID = Identifier<SignInEntity>
/// Names a session: `sess_…`.
public typealias SessionID = Identifier<SessionEntity>
/// Names one command that ran in a session: `exec_…`.
public typealias ExecID = Identifier<ExecEntity>
/// Names a terminal in a session: `term_…`.
public typealias TerminalID = Identifier<TerminalEntity>
/// Names a backup: `bkp_…`.
public typealias BackupID = Identifier<BackupEntity>
/// Names a directory that a backup was put into: `rst_…`.
public typealias RestoreID = Identifier<RestoreEntity>
/// Names an agent of the registry: `agent_…`. Its owner calls it by an ``AgentName``.
public typealias AgentID = Identifier<AgentEntity>
/// Names an event: `evt_…`. Never shown unless the event's whole line is: it blinds the event's commitment.
public typealias EventID = Identifier<EventEntity>

/// See ``CustomerID``.
public enum CustomerEntity: IdentifiedEntity { public static let identifierPrefix = "cust_" }
/// See ``KeyID``.
public enum KeyEntity: IdentifiedEntity { public static let identifierPrefix = "key_" }
/// See ``MemberID``.
public enum MemberEntity: IdentifiedEntity { public static let identifierPrefix = "mem_" }
/// See ``InvitationID``.
public enum InvitationEntity: IdentifiedEntity { public static let identifierPrefix = "inv_" }
/// See ``SignInID``.
public enum SignInEntity: IdentifiedEntity { public static let identifierPrefix = "sign_" }
/// See ``SessionID``.
public enum SessionEntity: IdentifiedEntity { public static let identifierPrefix = "sess_" }
/// See ``ExecID``.
public enum ExecEntity: IdentifiedEntity { public static let identifierPrefix = "exec_" }
/// See ``TerminalID``.
public enum TerminalEntity: IdentifiedEntity { public static let identifierPrefix = "term_" }
/// See ``BackupID``.
public enum BackupEntity: IdentifiedEntity { public static let identifierPrefix = "bkp_" }
/// See ``RestoreID``.
public enum RestoreEntity: IdentifiedEntity { public static let identifierPrefix = "rst_" }
/// See ``AgentID``.
public enum AgentEntity: IdentifiedEntity { public static let identifierPrefix = "agent_" }
/// See ``EventID``.
public enum EventEntity: IdentifiedEntity { public static let identifierPrefix = "evt_" }
