public import CanonicalJSON
import Foundation

/// The statement by which a log goes on under another key: somebody who may endorses the new key, and the new key shows
/// that somebody holds it.
///
/// It is endorsed by the old key (the event `log.key_rotated`) or, where the old key is lost, by the recovery key that the
/// old key named (`log.key_recovered`). The event stands at the place `lastSize`. So the old key may sign trees that do
/// not hold the event, the new key those that do, and which key a tree needs follows from the tree itself.
public struct LogKeyRotation: Sendable, Equatable {
    /// Who puts the new key in the old one's place.
    public enum Endorser: Sendable, Equatable {
        case oldKey
        case recoveryKey(VerifierKey)
    }

    /// The type of the event when the old key endorses the new one.
    public static let type = "log.key_rotated"
    /// The type of the event when a recovery key does.
    public static let recoveryType = "log.key_recovered"
    public static let version = 1

    /// First lines of what is signed; no checkpoint looks like that, since its third line is a root.
    private static let firstLine = "nrx-ledger/log-key-rotation/v1"
    private static let recoveryFirstLine = "nrx-ledger/log-key-recovery/v1"

    public let old: VerifierKey
    public let new: VerifierKey
    /// The largest tree that the old key may sign, in events.
    public let lastSize: UInt64
    public let endorser: Endorser
    /// 64 bytes by the endorser.
    public let endorsement: [UInt8]
    /// 64 bytes by the new key.
    public let newSignature: [UInt8]
    /// The recovery key that the new key names; nil for none.
    public let recovery: RecoveryEndorsement?

    /// Signs the statement with both keys.
    ///
    /// - Parameter recoveryKey: the log's recovery key from now on, or nil for none.
    public init(
        from old: any CheckpointSigner, to new: any CheckpointSigner, lastSize: UInt64,
        naming recoveryKey: VerifierKey? = nil
    ) throws(EventLogError) {
        try self.init(
            from: old.verifierKey, to: new, lastSize: lastSize, naming: recoveryKey, endorser: .oldKey, signer: old)
    }

    /// Signs the statement with the recovery key and the new key. The recovery key stays what it is.
    public init(
        recovering old: VerifierKey, to new: any CheckpointSigner, lastSize: UInt64,
        by recoveryKey: any CheckpointSigner
    ) throws(EventLogError) {
        let key = recoveryKey.verifierKey
        try self.init(
            from: old, to: new, lastSize: lastSize, naming: key, endorser: .recoveryKey(key), signer: recoveryKey)
    }

    private init(
        from old: VerifierKey, to new: any CheckpointSigner, lastSize: UInt64, naming recoveryKey: VerifierKey?,
        endorser: Endorser, signer: any CheckpointSigner
    ) throws(EventLogError) {
        (self.old, self.new, self.lastSize, self.endorser) = (old, new.verifierKey, lastSize, endorser)
        let message = Self.message(from: old, to: new.verifierKey, lastSize: lastSize, endorser: endorser)
        do {
            endorsement = try signer.sign(message)
            newSignature = try new.sign(message)
        } catch {
            throw EventLogError(.signing, "the log's keys could not sign their rotation: \(error)", cause: error)
        }
        recovery = try recoveryKey.map { (key) throws(EventLogError) in try RecoveryEndorsement(by: new, of: key) }
    }

    /// What both sign: five lines, or six with the recovery key's, each with its newline.
    public static func message(
        from old: VerifierKey, to new: VerifierKey, lastSize: UInt64, endorser: Endorser = .oldKey
    ) -> [UInt8] {
        switch endorser {
        case .oldKey: Array("\(firstLine)\n\(old.name)\n\(old)\n\(new)\n\(lastSize)\n".utf8)
        case .recoveryKey(let key):
            Array("\(recoveryFirstLine)\n\(old.name)\n\(old)\n\(new)\n\(lastSize)\n\(key)\n".utf8)
        }
    }

    /// Whether every signature holds and both keys are of one log. Whether a recovery key was the right one, only the
    /// log's history can say.
    public var isValid: Bool {
        let message = Self.message(from: old, to: new, lastSize: lastSize, endorser: endorser)
        let signer = if case .recoveryKey(let key) = endorser { key } else { old }
        return old.name == new.name && old != new && signer.verifies(endorsement, over: message)
            && new.verifies(newSignature, over: message) && recovery?.isValid ?? true
    }
}

// As an event.
extension LogKeyRotation {
    /// Whether events of this type carry such a statement.
    public static func isCarried(byType type: String) -> Bool { type == Self.type || type == recoveryType }

    /// Whether a line may be such an event: false for no line that is one. Of a line in canonical form the type stands at its
    /// end, before the version's digits, so that is all that is looked at.
    public static func mayBeCarried(by line: UnsafeRawBufferPointer) -> Bool {
        var end = line.count - 1
        while end > 0, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(line[end - 1]) { end -= 1 }
        return hasEnd(rotationEnd, line, at: end) || hasEnd(recoveryEnd, line, at: end)
    }

    private static let rotationEnd = lineEnd(type)
    private static let recoveryEnd = lineEnd(recoveryType)

    private static func lineEnd(_ type: String) -> [UInt8] { Array("\"type\":\"\(type)\",\"v\":".utf8) }

    private static func hasEnd(_ text: [UInt8], _ line: UnsafeRawBufferPointer, at end: Int) -> Bool {
        guard end >= text.count else { return false }
        let start = end - text.count
        // From the back, where the types of most lines differ.
        for place in text.indices.reversed() where text[place] != line[start + place] { return false }
        return true
    }

    /// The event's type.
    public var type: String { endorser == .oldKey ? Self.type : Self.recoveryType }

    /// The event that carries it, by the operator.
    public func event(id: String, at time: Timestamp) -> EventDraft {
        EventDraft(
            id: id, at: time, actor: "operator", stream: FirstEvent.stream, trace: "rotate-log-key", type: type,
            version: Self.version, data: data)
    }

    /// The event's data.
    public var data: JSONObject {
        var data = JSONObject()
        let endorsementText = JSONValue.string(Data(endorsement).base64EncodedString())
        switch endorser {
        case .oldKey: data["old_signature"] = endorsementText
        case .recoveryKey(let key):
            data["endorser_key"] = .string(key.description)
            data["endorser_signature"] = endorsementText
        }
        data["last_size"] = .integer(Int64(clamping: lastSize))
        data["new_signature"] = .string(Data(newSignature).base64EncodedString())
        data["new_verifier_key"] = .string(new.description)
        data["old_verifier_key"] = .string(old.description)
        recovery?.write(to: &data)
        return data
    }

    /// Reads the data of either type of event strictly; nil when anything is off. Signatures are not verified here.
    public init?(data: JSONObject) {
        guard let size = data["last_size"]?.integer, size > 0,
            let old = data["old_verifier_key"]?.string.flatMap(VerifierKey.init),
            let new = data["new_verifier_key"]?.string.flatMap(VerifierKey.init),
            let newSignature = data.signature("new_signature")
        else { return nil }
        (self.old, self.new, lastSize, self.newSignature) = (old, new, UInt64(size), newSignature)
        do throws(NoteError) { recovery = try RecoveryEndorsement.read(data, logKey: new) } catch { return nil }
        let memberCount: Int
        if let text = data["endorser_key"] {
            guard let key = text.string.flatMap(VerifierKey.init), let signature = data.signature("endorser_signature")
            else { return nil }
            (endorser, endorsement, memberCount) = (.recoveryKey(key), signature, 6)
        } else {
            guard let signature = data.signature("old_signature") else { return nil }
            (endorser, endorsement, memberCount) = (.oldKey, signature, 5)
        }
        let expected = memberCount + (recovery == nil ? 0 : RecoveryEndorsement.memberCount)
        guard data.members.count == expected else { return nil }
    }
}
