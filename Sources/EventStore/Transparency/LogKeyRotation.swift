public import CanonicalJSON
import Foundation

/// The statement by which a log goes on under another key, as the event `log.key_rotated` carries it: the old key
/// endorses the new one, the new one shows that somebody holds it.
///
/// The event stands at the place `lastSize`. So the old key may sign trees that do not hold the event, the new key those
/// that do, and which key a tree needs follows from the tree itself.
public struct LogKeyRotation: Sendable, Equatable {
    public static let type = "log.key_rotated"
    public static let version = 1
    /// First line of what is signed; no checkpoint looks like that, since its third line is a root.
    private static let firstLine = "nrx-ledger/log-key-rotation/v1"

    public let old: VerifierKey
    public let new: VerifierKey
    /// The largest tree that the old key may sign, in events.
    public let lastSize: UInt64
    /// 64 bytes by the old key.
    public let oldSignature: [UInt8]
    /// 64 bytes by the new key.
    public let newSignature: [UInt8]

    /// Signs the statement with both keys.
    public init(
        from old: any CheckpointSigner, to new: any CheckpointSigner, lastSize: UInt64
    ) throws(EventLogError) {
        (self.old, self.new, self.lastSize) = (old.verifierKey, new.verifierKey, lastSize)
        let message = Self.message(from: old.verifierKey, to: new.verifierKey, lastSize: lastSize)
        do {
            oldSignature = try old.sign(message)
            newSignature = try new.sign(message)
        } catch {
            throw EventLogError(.signing, "the log's keys could not sign their rotation: \(error)", cause: error)
        }
    }

    /// What both keys sign: five lines, each with its newline.
    public static func message(from old: VerifierKey, to new: VerifierKey, lastSize: UInt64) -> [UInt8] {
        Array("\(firstLine)\n\(old.name)\n\(old)\n\(new)\n\(lastSize)\n".utf8)
    }

    /// Whether both signatures hold and both keys are of one log.
    public var isValid: Bool {
        let message = Self.message(from: old, to: new, lastSize: lastSize)
        return old.name == new.name && old != new && old.verifies(oldSignature, over: message)
            && new.verifies(newSignature, over: message)
    }

    /// The event's data.
    public var data: JSONObject {
        var data = JSONObject()
        data["last_size"] = .integer(Int64(clamping: lastSize))
        data["new_signature"] = .string(Data(newSignature).base64EncodedString())
        data["new_verifier_key"] = .string(new.description)
        data["old_signature"] = .string(Data(oldSignature).base64EncodedString())
        data["old_verifier_key"] = .string(old.description)
        return data
    }

    /// Reads the event's data strictly; nil when anything is off. Signatures are not verified here.
    public init?(data: JSONObject) {
        guard data.members.count == 5, let size = data["last_size"]?.integer, size > 0,
            let old = data["old_verifier_key"]?.string.flatMap(VerifierKey.init),
            let new = data["new_verifier_key"]?.string.flatMap(VerifierKey.init),
            let oldSignature = Self.signature(data["old_signature"]),
            let newSignature = Self.signature(data["new_signature"])
        else { return nil }
        (self.old, self.new, lastSize) = (old, new, UInt64(size))
        (self.oldSignature, self.newSignature) = (oldSignature, newSignature)
    }

    private static func signature(_ value: JSONValue?) -> [UInt8]? {
        guard let text = value?.string, let bytes = Data(base64Encoded: text), bytes.count == 64,
            bytes.base64EncodedString() == text
        else { return nil }
        return Array(bytes)
    }
}

/// Which key may sign a log's trees of which size: the key of the first event, then those that rotations put in its place.
///
/// ```swift
/// var keys = LogKeyHistory(first: verifierKey)
/// try keys.apply(rotation)
/// try keys.verify(checkpoint)     // by the one key that may sign at its size
/// ```
public struct LogKeyHistory: Sendable, Equatable {
    /// A key and the largest tree that it may sign; nil while it is the current one.
    public struct Period: Sendable, Equatable {
        public let key: VerifierKey
        public fileprivate(set) var lastSize: UInt64?
    }

    /// Oldest first; never empty.
    public private(set) var periods: [Period]

    /// What ended each period but the last.
    public private(set) var rotations: [LogKeyRotation] = []

    /// The history of a log whose first known key is `key`.
    public init(first key: VerifierKey) { periods = [Period(key: key)] }

    /// The key that signs now.
    public var current: VerifierKey { periods[periods.count - 1].key }

    /// Whether `key` was ever one of the log's.
    public func contains(_ key: VerifierKey) -> Bool { periods.contains { $0.key == key } }

    /// The key that may sign the tree of `size` events.
    public func key(at size: UInt64) -> VerifierKey {
        (periods.first { $0.lastSize.map { size <= $0 } ?? true } ?? periods[periods.count - 1]).key
    }

    /// Takes a rotation over.
    ///
    /// - Throws: ``NoteError`` when it does not begin with the current key, goes back, or a signature does not hold.
    public mutating func apply(_ rotation: LogKeyRotation) throws(NoteError) {
        guard rotation.old == current else {
            throw .malformed("the rotation begins with the key \(rotation.old), but the log's key is \(current)")
        }
        guard !contains(rotation.new) else { throw .malformed("the rotation returns to an earlier key") }
        let lower = periods.count > 1 ? periods[periods.count - 2].lastSize ?? 0 : 0
        guard rotation.lastSize > lower else { throw .malformed("the rotation goes back before an earlier one") }
        guard rotation.isValid else { throw .badSignature(by: rotation.old.name) }
        periods[periods.count - 1].lastSize = rotation.lastSize
        periods.append(Period(key: rotation.new))
        rotations.append(rotation)
    }

    /// Takes over what `event` says of the log's keys, if it says anything.
    ///
    /// - Throws: ``NoteError`` for a rotation that does not hold, or that stands elsewhere than it says.
    public mutating func apply(_ event: Envelope) throws(NoteError) {
        guard event.event.type == LogKeyRotation.type else { return }
        guard let rotation = LogKeyRotation(data: event.event.data) else {
            throw .malformed("event \(event.sequence) is no rotation of the log's key")
        }
        guard rotation.lastSize == event.sequence else {
            throw .malformed("event \(event.sequence) rotates the log's key at size \(rotation.lastSize)")
        }
        try apply(rotation)
    }

    /// Checks that the one key that may sign at the checkpoint's size did sign it.
    ///
    /// - Throws: ``NoteError``; ``NoteError/retired(key:lastSize:)`` when an earlier key signed beyond its last size.
    public func verify(_ checkpoint: Checkpoint) throws(NoteError) {
        let key = key(at: checkpoint.head.size)
        guard checkpoint.origin == key.name else {
            throw .malformed("it is of the origin \(checkpoint.origin), not of \(key.name)")
        }
        do throws(NoteError) { try checkpoint.verify(with: key) } catch {
            for period in periods {
                guard let lastSize = period.lastSize, lastSize < checkpoint.head.size else { continue }
                if checkpoint.isSigned(by: period.key) {
                    throw .retired(key: period.key.description, lastSize: lastSize)
                }
            }
            throw error
        }
    }
}

extension LogKeyHistory {
    /// The keys that the events in `directory` name; nil for a log without a first event. Blocking: reads the whole log.
    ///
    /// - Throws: `io`, or `damaged` for a rotation that does not hold. What stands after damage does not count.
    public static func read(
        from directory: String, fileSystem: any FileSystem = POSIXFileSystem()
    ) throws -> LogKeyHistory? {
        var keys: LogKeyHistory?
        guard try fileSystem.exists(directory) else { return nil }
        _ = try LogScanner(directory: directory, fileSystem: fileSystem).scan { batch in
            for event in try batch.envelopes() {
                if event.sequence == 0 { keys = FirstEvent.verifierKey(in: event).map(LogKeyHistory.init) }
                try keys?.apply(event)
            }
        }
        return keys
    }
}
