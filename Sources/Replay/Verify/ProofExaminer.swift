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

    /// Examines `file` as far as the levels asked for: a proof, or one with its inclusion proofs.
    ///
    /// - Throws: ``AuditorError`` when the log cannot be read, or a level was asked for that lacks its key.
    public func examine(
        _ bytes: [UInt8], progress: (ScanProgress) -> Void = { _ in }
    ) throws(AuditorError) -> ProofReport {
        guard inclusion == nil || verifierKey != nil else {
            throw AuditorError(
                .usage,
                "an inclusion proof is worth what the key is worth that signed its checkpoint: give the log's"
                    + " --log-key, and get it from somewhere else than from who gave you the proof.")
        }
        guard logDirectory != nil || keptCheckpoint == nil else {
            throw AuditorError(.usage, "--from holds a log against a checkpoint that you kept: give --log too.")
        }
        let file = ProofFile(bytes)
        let asksProvenance = inclusion != nil || file.inclusion != nil && verifierKey != nil
        var report = ProofReport(asked: logDirectory != nil ? .history : asksProvenance ? .provenance : .integrity)
        guard let claims = judgeDocument(file.document, into: &report) else { return report }
        judgeInclusion(of: file, claims, into: &report)
        if let logDirectory {
            let auditor = LogAuditor(
                verifierKey: verifierKey, keptCheckpoint: keptCheckpoint, watchedStream: claims.sessionID)
            let audit = try auditor.audit(logDirectory, progress: progress)
            HistoryJudge(audit: audit, claims: claims, hasVerifierKey: verifierKey != nil).judge(into: &report)
            report.audit = audit
        }
        return report
    }

    private func judgeInclusion(of file: ProofFile, _ claims: ProofClaims, into report: inout ProofReport) {
        guard let verifierKey else {
            if file.inclusion != nil, logDirectory == nil {
                report.judgments[.provenance] = .notReached(
                    "the file shows that some log holds this proof: give that log's --log-key, and get it from somewhere"
                        + " else than from who gave you the file")
            }
            return
        }
        if let carried = file.inclusion {
            report.judgments[.provenance] = InclusionJudge(
                key: verifierKey, rotations: carried.rotations, recovery: carried.recovery
            )
            .judge(carried, claims: claims, document: file.document)
        }
        // One that is given apart counts too: whichever fails, fails the proof.
        if let inclusion, report.judgments[.provenance]?.hasFailed != true {
            report.judgments[.provenance] = InclusionJudge(key: verifierKey, rotations: [], recovery: nil)
                .judge(keyPublished: inclusion, claims)
        }
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
