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

    // Inlinable, so that other modules have it made for their kind of identifier: looking the kind up at each call takes
    // longer than reading the digits.

    /// The identifier with these 128 bits.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh identifier; `generator` must be unpredictable outside tests.
    public init(using generator: inout some RandomNumberGenerator) {
        self.init(high: generator.next(), low: generator.next())
    }

    /// Reads exactly the form of ``text``; nil for anything else, upper-case digits included.
    @inlinable
    public init?(_ text: String) {
        var text = text
        guard let id = text.withUTF8({ Self(utf8: $0) }) else { return nil }
        self = id
    }

    /// Same, of the text's UTF-8.
    @inlinable
    public init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        guard let (high, low) = IdentifierText.read(bytes, prefix: Entity.identifierPrefix) else { return nil }
        self.init(high: high, low: low)
    }

    /// The prefix and 32 lower-case hex digits.
    @inlinable
    public var text: String { IdentifierText.write(high, low, prefix: Entity.identifierPrefix) }
}

/// How identifiers of every kind are read and written.
@usableFromInline
enum IdentifierText {
    @usableFromInline
    static func read(_ bytes: UnsafeBufferPointer<UInt8>, prefix: String) -> (high: UInt64, low: UInt64)? {
        let prefix = prefix.utf8
        guard bytes.count == prefix.count + 32 else { return nil }
        var place = 0
        for byte in prefix {
            guard bytes[place] == byte else { return nil }
            place += 1
        }
        guard let high = LowerCaseDigits.number(bytes, at: place, count: 16),
            let low = LowerCaseDigits.number(bytes, at: place + 16, count: 16)
        else { return nil }
        return (high, low)
    }

    @usableFromInline
    static func write(_ high: UInt64, _ low: UInt64, prefix: String) -> String {
        let prefix = prefix.utf8
        return String(unsafeUninitializedCapacity: prefix.count + 32) { buffer in
            var count = 0
            for byte in prefix {
                buffer[count] = byte
                count += 1
            }
            LowerCaseDigits.write(high, to: buffer, at: count)
            LowerCaseDigits.write(low, to: buffer, at: count + 16)
            return count + 32
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
public enum CustomerEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "cust_" }
}
/// See ``KeyID``.
public enum KeyEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "key_" }
}
/// See ``MemberID``.
public enum MemberEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "mem_" }
}
/// See ``InvitationID``.
public enum InvitationEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "inv_" }
}
/// See ``SignInID``.
public enum SignInEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "sign_" }
}
/// See ``SessionID``.
public enum SessionEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "sess_" }
}
/// See ``ExecID``.
public enum ExecEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "exec_" }
}
/// See ``TerminalID``.
public enum TerminalEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "term_" }
}
/// See ``BackupID``.
public enum BackupEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "bkp_" }
}
/// See ``RestoreID``.
public enum RestoreEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "rst_" }
}
/// See ``AgentID``.
public enum AgentEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "agent_" }
}
/// See ``EventID``.
public enum EventEntity: IdentifiedEntity {
    @inlinable public static var identifierPrefix: String { "evt_" }
}
