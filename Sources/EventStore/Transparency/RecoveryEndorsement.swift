public import CanonicalJSON
import Foundation

/// The statement by which a log's key names the log's recovery key: a key that is kept offline, and that alone may put
/// another key in its place should it be lost.
///
/// Each key of the log makes it for itself. So whoever knows one key of the log can tell whether a recovery after it was
/// allowed, without believing anybody else.
public struct RecoveryEndorsement: Sendable, Equatable {
    private static let firstLine = "nrx-ledger/log-recovery-key/v1"
    private static let keyName = "recovery_key"
    private static let signatureName = "recovery_signature"
    /// The members of an event's data that carry it.
    static let memberCount = 2

    /// The key that makes the statement.
    public let logKey: VerifierKey
    /// The key that it names.
    public let recoveryKey: VerifierKey
    /// 64 bytes by ``logKey``.
    public let signature: [UInt8]

    /// Signs the statement.
    ///
    /// - Throws: `signing` when `logKey` cannot sign, or the two are one key.
    public init(by logKey: any CheckpointSigner, of recoveryKey: VerifierKey) throws(EventLogError) {
        self.logKey = logKey.verifierKey
        self.recoveryKey = recoveryKey
        do { signature = try logKey.sign(Self.message(logKey: logKey.verifierKey, recoveryKey: recoveryKey)) } catch {
            throw EventLogError(.signing, "the log's key could not name its recovery key: \(error)", cause: error)
        }
        guard recoveryKey.publicKey != self.logKey.publicKey else {
            throw EventLogError(.signing, "the recovery key must be another key than the log's own.")
        }
    }

    /// What the log's key signs: four lines, each with its newline.
    public static func message(logKey: VerifierKey, recoveryKey: VerifierKey) -> [UInt8] {
        Array("\(firstLine)\n\(logKey.name)\n\(logKey)\n\(recoveryKey)\n".utf8)
    }

    /// Whether the signature holds.
    public var isValid: Bool {
        recoveryKey.publicKey != logKey.publicKey
            && logKey.verifies(signature, over: Self.message(logKey: logKey, recoveryKey: recoveryKey))
    }

    /// Adds the two members to an event's data.
    public func write(to data: inout JSONObject) {
        data[Self.keyName] = .string(recoveryKey.description)
        data[Self.signatureName] = .string(Data(signature).base64EncodedString())
    }

    /// The statement by itself: the log's key, the key that it names, the signature.
    public var document: JSONObject {
        var data = JSONObject()
        data["verifier_key"] = .string(logKey.description)
        write(to: &data)
        return data
    }

    /// Reads the two members of an event's data; nil where both are absent. The signature is not verified here.
    ///
    /// - Throws: ``NoteError`` when only one is there, or one is not of its form.
    public static func read(_ data: JSONObject, logKey: VerifierKey) throws(NoteError) -> RecoveryEndorsement? {
        if data[keyName] == nil, data[signatureName] == nil { return nil }
        guard let key = data[keyName]?.string.flatMap(VerifierKey.init), let signature = data.signature(signatureName)
        else { throw .malformed("the recovery key or its signature cannot be read") }
        return RecoveryEndorsement(logKey: logKey, recoveryKey: key, signature: signature)
    }

    private init(logKey: VerifierKey, recoveryKey: VerifierKey, signature: [UInt8]) {
        (self.logKey, self.recoveryKey, self.signature) = (logKey, recoveryKey, signature)
    }
}

extension JSONObject {
    /// The 64 bytes of the signature that stands in canonical base64 under `name`; nil for anything else.
    func signature(_ name: String) -> [UInt8]? {
        guard let text = self[name]?.string, let bytes = Data(base64Encoded: text), bytes.count == 64,
            bytes.base64EncodedString() == text
        else { return nil }
        return Array(bytes)
    }
}
