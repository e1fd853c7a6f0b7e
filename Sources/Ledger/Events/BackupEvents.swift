public import CanonicalJSON
public import Merkle
public import Proofs

/// What a verified copy of the log holds.
public struct BackupContents: Sendable, Equatable {
    /// Length of the copy, the keys included, in bytes.
    public var bytes: Int64
    /// Events of the log.
    public var events: Int64
    /// The root of the tree over them.
    public var root: Hash

    public init(bytes: Int64, events: Int64, root: Hash) {
        self.bytes = bytes
        self.events = events
        self.root = root
    }
}

/// Why a copy could not be made.
public enum BackupFailure: String, Sendable, CaseIterable {
    /// The server ended meanwhile.
    case interrupted
    /// What was to be copied, or the copy, is not what was written there.
    case damaged
    /// The disk is full.
    case diskFull = "disk_full"
    /// A file could not be read or written.
    case io
}

/// How the making of a copy ended.
public enum BackupOutcome: Sendable, Equatable {
    case completed(BackupContents)
    case failed(BackupFailure)
}

/// Somebody asked for a backup: a verified copy of the log and its keys. Stream: the backup.
public struct BackupStarted: EventPayload {
    public static let type = "backup.started"
    public static let version = 1

    public var customerID: CustomerID
    public var environment: KeyEnvironment

    public init(customerID: CustomerID, environment: KeyEnvironment) {
        self.customerID = customerID
        self.environment = environment
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        customerID = try reader.identifier("customer_id")
        environment = try reader.parsed("environment", KeyEnvironment.init)
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("customer_id", customerID.text)
        members.add("environment", environment.rawValue)
    }
}

/// A backup is there, or could not be made. Stream: the backup.
public struct BackupEnded: EventPayload {
    public static let type = "backup.ended"
    public static let version = 1

    public var outcome: BackupOutcome

    public init(outcome: BackupOutcome) { self.outcome = outcome }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        let (bytes, events) = (try reader.optionalCount("bytes"), try reader.optionalCount("events"))
        let reason = try reader.optionalParsed("reason", BackupFailure.init)
        let root = try reader.optionalParsed("root") { Hash(hex: $0) }
        try reader.finish()
        outcome = try BackupOutcome(bytes: bytes, events: events, reason: reason, root: root)
    }

    public func write(to members: inout MemberWriter) {
        members.add("bytes", outcome.contents?.bytes)
        members.add("events", outcome.contents?.events)
        members.add("reason", outcome.failure?.rawValue)
        members.add("root", outcome.contents?.root.hex)
    }
}

/// A backup is there no more. Stream: the backup.
public struct BackupDeleted: EventPayload {
    public static let type = "backup.deleted"
    public static let version = 1

    public init() {}

    public init(data: JSONObject) throws(PayloadError) { try PayloadReader(data).finish() }

    public func write(to _: inout MemberWriter) {}
}

/// Somebody asked for a backup to be put into a directory of its own. Stream: the backup.
public struct BackupRestoreStarted: EventPayload {
    public static let type = "backup.restore_started"
    public static let version = 1

    public var restoreID: RestoreID

    public init(restoreID: RestoreID) { self.restoreID = restoreID }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        restoreID = try reader.identifier("restore_id")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("restore_id", restoreID.text)
    }
}

/// The directory is there, or could not be made. Stream: the backup.
public struct BackupRestoreEnded: EventPayload {
    public static let type = "backup.restore_ended"
    public static let version = 1

    public var outcome: BackupOutcome
    public var restoreID: RestoreID

    public init(outcome: BackupOutcome, restoreID: RestoreID) {
        self.outcome = outcome
        self.restoreID = restoreID
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        let (bytes, events) = (try reader.optionalCount("bytes"), try reader.optionalCount("events"))
        let reason = try reader.optionalParsed("reason", BackupFailure.init)
        restoreID = try reader.identifier("restore_id")
        let root = try reader.optionalParsed("root") { Hash(hex: $0) }
        try reader.finish()
        outcome = try BackupOutcome(bytes: bytes, events: events, reason: reason, root: root)
    }

    public func write(to members: inout MemberWriter) {
        members.add("bytes", outcome.contents?.bytes)
        members.add("events", outcome.contents?.events)
        members.add("reason", outcome.failure?.rawValue)
        members.add("restore_id", restoreID.text)
        members.add("root", outcome.contents?.root.hex)
    }
}

extension BackupOutcome {
    /// What the copy holds, where it was made.
    public var contents: BackupContents? {
        if case .completed(let contents) = self { contents } else { nil }
    }

    /// Why it was not made.
    public var failure: BackupFailure? {
        if case .failed(let failure) = self { failure } else { nil }
    }

    /// Either all that a copy is described by, or the reason why there is none.
    fileprivate init(bytes: Int64?, events: Int64?, reason: BackupFailure?, root: Hash?) throws(PayloadError) {
        switch (bytes, events, reason, root) {
        case (let bytes?, let events?, nil, let root?):
            self = .completed(BackupContents(bytes: bytes, events: events, root: root))
        case (nil, nil, let reason?, nil): self = .failed(reason)
        case (_, _, _?, _): throw PayloadError("reason", .notAllowed)
        default: throw PayloadError(bytes == nil ? "bytes" : events == nil ? "events" : "root", .missing)
        }
    }
}
