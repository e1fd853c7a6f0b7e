import CanonicalJSON
import EventStore
import Ledger
import Proofs

/// Whether inclusion proofs show that the log published a proof's key, and issued the proof.
struct InclusionJudge {
    /// The log's key as the auditor got it.
    let key: VerifierKey
    /// How the log went on from it, by its own word; each is endorsed by the key before it.
    let rotations: [Result<LogKeyRotation, NoteError>]
    /// The recovery key that the log's first key named, where the file says so.
    let recovery: Result<RecoveryEndorsement, NoteError>?

    /// Judges what a file with inclusion proofs carries.
    func judge(
        _ inclusion: ProofFile.Inclusion, claims: ProofClaims, document: [UInt8]
    ) -> ProofReport.Judgment {
        let published = judge(keyPublished: inclusion.keyPublished, claims)
        guard case .reached(let why) = published else { return published }
        switch includedEvent(inclusion.proofIssued) {
        case .failure(let problem): return problem.judgment(of: "the proof's own event")
        case .success(let event):
            let differences = Self.differences(of: event, from: claims, document: document)
            guard differences.isEmpty else { return .failed(differences) }
            return .reached(why + ", and issued this proof as event \(event.sequence)")
        }
    }

    /// Judges the inclusion proof of the event of the proof's key alone.
    func judge(keyPublished: Result<InclusionProof, NoteError>, _ claims: ProofClaims) -> ProofReport.Judgment {
        switch includedEvent(keyPublished) {
        case .failure(let problem): return problem.judgment(of: "the event of the proof's key")
        case .success(let event):
            let differences = KeyEvent.differences(of: event, from: claims)
            guard differences.isEmpty else { return .failed(differences) }
            guard claims.logHead.origin == key.name else {
                return .failed(["step 7 of the proof names the log \(claims.logHead.origin), not \(key.name)"])
            }
            return .reached(
                "the log \(key.name) published this proof's key for this session as event \(event.sequence), and the"
                    + " expected key signed for that")
        }
    }

    private enum Problem: Error {
        case incomplete
        case failed(String)

        func judgment(of what: String) -> ProofReport.Judgment {
            switch self {
            case .incomplete:
                .notReached(
                    "the inclusion proof does not carry the event it is about (the line `extra`); have it made by"
                        + " `nrx-replay prove`")
            case .failed(let why): .failed(["the inclusion proof of \(what) does not hold: \(why)"])
            }
        }
    }

    /// The event that the log holds, once everything about its inclusion was verified.
    private func includedEvent(_ inclusion: Result<InclusionProof, NoteError>) -> Result<Envelope, Problem> {
        do {
            let proof = try inclusion.get()
            guard let line = proof.extra else { return .failure(.incomplete) }
            try proof.verify(line: line, keys: try LogKeyHistory(from: key, rotations: rotations, recovery: recovery))
            let envelope = try Envelope(bytes: line)
            guard envelope.sequence == proof.index else {
                return .failure(.failed("the event that is included says that it has another place"))
            }
            return .success(envelope)
        } catch { return .failure(.failed("\(error)")) }
    }

    private static func differences(
        of event: Envelope, from claims: ProofClaims, document: [UInt8]
    ) -> [String] {
        guard event.event.type == ProofIssued.type, event.event.stream.hasSameBytes(as: claims.sessionID) else {
            return ["event \(event.sequence) does not issue a proof for this session"]
        }
        guard event.event.data["cdp"]?.canonicalBytes == document.canonical else {
            return ["event \(event.sequence) issued another proof for this session"]
        }
        guard claims.logHead.size <= Int64(event.sequence) else {
            return ["step 7 of the proof names a state of the log from after its own event \(event.sequence)"]
        }
        return []
    }
}

extension [UInt8] {
    /// The same JSON in its canonical form; nil for what is not strict JSON.
    fileprivate var canonical: [UInt8]? {
        do { return try JSONReader.read(self).canonicalBytes } catch { return nil }
    }
}

extension ProofReport.Judgment {
    /// Whether something contradicts the proof.
    var hasFailed: Bool {
        if case .failed = self { true } else { false }
    }
}
