import CanonicalJSON
public import EventStore
import Ledger
import Proofs

/// Examines one destruction proof at the three levels of docs/cdp.md: integrity by itself, provenance with an inclusion
/// proof and the log's key, history with the log.
///
/// ```swift
/// let report = try ProofExaminer().examine(bytes)
/// report.reached          // .integrity
/// ```
public struct ProofExaminer: Sendable {
    /// A `.tlog-proof` of the event of the proof's key, whose `extra` line holds that event.
    public var inclusion: Result<InclusionProof, NoteError>?
    /// The log's directory.
    public var logDirectory: String?
    /// The log's key as the auditor got it out of band.
    public var verifierKey: VerifierKey?
    /// An older checkpoint that the auditor kept.
    public var keptCheckpoint: Checkpoint?
    /// Whether a proof of a session that ran without some isolation layers can pass.
    public var acceptsMissingLayers: Bool

    public init(
        inclusion: Result<InclusionProof, NoteError>? = nil, logDirectory: String? = nil,
        verifierKey: VerifierKey? = nil, keptCheckpoint: Checkpoint? = nil, acceptsMissingLayers: Bool = false
    ) {
        self.inclusion = inclusion
        self.logDirectory = logDirectory
        self.verifierKey = verifierKey
        self.keptCheckpoint = keptCheckpoint
        self.acceptsMissingLayers = acceptsMissingLayers
    }

    /// Examines `document` as far as the levels asked for.
    ///
    /// - Throws: ``AuditorError`` when the log cannot be read, or a level was asked for that lacks its key.
    public func examine(
        _ document: [UInt8], progress: (ScanProgress) -> Void = { _ in }
    ) throws(AuditorError) -> ProofReport {
        guard inclusion == nil || verifierKey != nil else {
            throw AuditorError(
                .usage,
                "an inclusion proof is worth what the key is worth that signed its checkpoint: give the log's"
                    + " --verifier-key, and get it from somewhere else than from who gave you the proof.")
        }
        guard logDirectory != nil || keptCheckpoint == nil else {
            throw AuditorError(.usage, "--from holds a log against a checkpoint that you kept: give --log too.")
        }
        var report = ProofReport(asked: logDirectory != nil ? .history : inclusion != nil ? .provenance : .integrity)
        guard let claims = judgeDocument(document, into: &report) else { return report }
        if let inclusion, let verifierKey {
            report.judgments[.provenance] = InclusionJudge(inclusion: inclusion, key: verifierKey).judge(claims)
        }
        if let logDirectory {
            let auditor = LogAuditor(
                verifierKey: verifierKey, keptCheckpoint: keptCheckpoint, watchedStream: claims.sessionID)
            let audit = try auditor.audit(logDirectory, progress: progress)
            HistoryJudge(audit: audit, claims: claims, hasVerifierKey: verifierKey != nil).judge(into: &report)
            report.audit = audit
        }
        return report
    }

    private func judgeDocument(_ document: [UInt8], into report: inout ProofReport) -> ProofClaims? {
        do throws(ProofError) {
            let verification = try ProofVerifier(acceptsMissingLayers: acceptsMissingLayers).verify(document)
            report.verification = verification
            report.layersMissing = verification.layersMissing
            guard verification.isValid, let claims = verification.claims else {
                let reasons = verification.failures.map { "\($0.check.rawValue): \($0.message)" }
                report.judgments[.integrity] = .failed(reasons)
                return nil
            }
            report.claims = claims
            report.judgments[.integrity] = .reached(
                "the chain, the signature and everything they bind hold together. By itself this is not authenticity:"
                    + " anybody can make a document like that under a key of their own")
            return claims
        } catch {
            report.judgments[.integrity] = .failed([error.message])
            return nil
        }
    }
}

/// Whether an inclusion proof shows that the log published the proof's key.
struct InclusionJudge {
    let inclusion: Result<InclusionProof, NoteError>
    let key: VerifierKey

    func judge(_ claims: ProofClaims) -> ProofReport.Judgment {
        let proof: InclusionProof
        do throws(NoteError) { proof = try inclusion.get() } catch {
            return .failed(["the inclusion proof cannot be read: \(error)"])
        }
        guard let line = proof.extra else {
            return .notReached(
                "the inclusion proof does not carry the event it is about (the line `extra`); have it made by"
                    + " `nrx-replay prove`")
        }
        do throws(NoteError) { try proof.verify(line: line, key: key) } catch {
            return .failed(["the inclusion proof does not hold: \(error)"])
        }
        let envelope: Envelope
        do throws(EnvelopeError) { envelope = try Envelope(bytes: line) } catch {
            return .failed(["the event that is included cannot be read: \(error)"])
        }
        guard envelope.sequence == proof.index else {
            return .failed(["the event that is included does not stand in its place"])
        }
        let differences = KeyEvent.differences(of: envelope, from: claims)
        guard differences.isEmpty else { return .failed(differences) }
        guard claims.logHead.origin == key.name else {
            return .failed(["step 7 of the proof names the log \(claims.logHead.origin), not \(key.name)"])
        }
        return .reached(
            "the log \(key.name) published this proof's key for this session as event \(proof.index), and the expected"
                + " key signed for that")
    }
}

/// The event that publishes a proof's key.
enum KeyEvent {
    /// Why `envelope` is not the publication of the key of the proof that claims `claims`.
    static func differences(of envelope: Envelope, from claims: ProofClaims) -> [String] {
        let event = envelope.event
        guard event.type == VerificationKeyPublished.type else {
            return ["event \(envelope.sequence) is of the type \(event.type) and publishes no verification key"]
        }
        var differences: [String] = []
        func require(_ holds: Bool, _ what: String) {
            if !holds { differences.append("event \(envelope.sequence) publishes a key \(what)") }
        }
        require(event.stream.hasSameBytes(as: claims.sessionID), "for another session, \(event.stream)")
        require(event.data["key_id"]?.string?.hasSameBytes(as: claims.keyID) ?? false, "of another name")
        require(
            event.data["public_key"]?.string?.hasSameBytes(as: claims.publicKey.text) ?? false,
            "that is another than the proof's")
        return differences
    }
}

extension Envelope {
    /// Reads one line of the log, strictly.
    init(bytes: [UInt8]) throws(EnvelopeError) {
        let result: Result<Envelope, EnvelopeError> = bytes.withUnsafeBufferPointer { buffer in
            Result { () throws(EnvelopeError) in try Envelope(line: buffer) }
        }
        self = try result.get()
    }
}
