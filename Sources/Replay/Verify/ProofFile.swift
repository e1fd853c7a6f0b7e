import CanonicalJSON
import EventStore

/// What `nrx-replay verify` is given: a bare destruction proof, or one with what shows that the log holds it, as
/// `GET /v1/proofs/:session_id?include=inclusion` hands it out.
struct ProofFile {
    /// The inclusion proofs of the two events and the rotations of the log's key.
    struct Inclusion {
        let keyPublished: Result<InclusionProof, NoteError>
        let proofIssued: Result<InclusionProof, NoteError>
        let rotations: [Result<LogKeyRotation, NoteError>]
        /// The recovery key that the log's first key named, where it did.
        let recovery: Result<RecoveryEndorsement, NoteError>?
    }

    /// The proof's own bytes.
    let document: [UInt8]
    let inclusion: Inclusion?

    /// A file that is not exactly of the second form is taken for a bare proof, and judged as one.
    init(_ bytes: [UInt8]) {
        let whole: JSONValue?
        // What is not strict JSON is no file of the second form; the proof's own verifier says what is wrong with it.
        do { whole = try JSONReader.read(bytes) } catch { whole = nil }
        guard let members = whole?.object, members.names == ["cdp", "inclusion"], let document = members["cdp"],
            let inclusion = members["inclusion"]
        else {
            self.document = bytes
            self.inclusion = nil
            return
        }
        self.document = document.canonicalBytes
        self.inclusion = Inclusion(
            keyPublished: Self.proof(inclusion["verification_key_published"]),
            proofIssued: Self.proof(inclusion["proof_issued"]),
            rotations: (inclusion["key_rotations"]?.array ?? []).map { value in
                guard let rotation = value.object.flatMap({ LogKeyRotation(data: $0) }) else {
                    return .failure(.malformed("a rotation of the log's key cannot be read"))
                }
                return .success(rotation)
            },
            recovery: Self.recovery(inclusion["recovery"]))
    }

    private static func recovery(_ value: JSONValue?) -> Result<RecoveryEndorsement, NoteError>? {
        guard let value else { return nil }
        return Result { () throws(NoteError) in
            guard let data = value.object, let key = data["verifier_key"]?.string.flatMap(VerifierKey.init),
                let recovery = try RecoveryEndorsement.read(data, logKey: key)
            else { throw .malformed("the log's recovery key cannot be read") }
            return recovery
        }
    }

    private static func proof(_ value: JSONValue?) -> Result<InclusionProof, NoteError> {
        guard let text = value?.string else { return .failure(.malformed("it is missing")) }
        return Result { () throws(NoteError) in try InclusionProof(text: text) }
    }
}

extension LogKeyHistory {
    /// The keys that follow from `key` by these rotations, those before `key` left out.
    ///
    /// - Parameter recovery: the recovery key that the log's first key named; each later one's stands in its rotation.
    /// - Throws: ``NoteError`` for a rotation that cannot be read or that nobody endorsed who may.
    init(
        from key: VerifierKey, rotations: [Result<LogKeyRotation, NoteError>],
        recovery: Result<RecoveryEndorsement, NoteError>?
    ) throws(NoteError) {
        let rotations = try rotations.map { (result) throws(NoteError) in try result.get() }
        let named = try [recovery?.get()].compactMap(\.self) + rotations.compactMap(\.recovery)
        try self.init(first: key, recovery: named.first { $0.logKey == key })
        for rotation in rotations.drop(while: { $0.old != key }) { try apply(rotation) }
    }
}
