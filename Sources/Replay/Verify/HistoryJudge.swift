import CanonicalJSON
import EventStore
import Ledger
import Merkle
import Proofs

/// Holds a proof against the replayed log: is this session's whole life in it, with this key and this proof, once each?
struct HistoryJudge {
    let audit: AuditReport
    let claims: ProofClaims
    let hasVerifierKey: Bool

    func judge(into report: inout ProofReport) {
        var failures = audit.findings.map { "the log does not pass its audit: \($0.message)" }
        failures += sessionFailures()
        guard failures.isEmpty else {
            report.judgments[.history] = .failed(failures)
            return
        }
        if report.judgments[.provenance] == nil { report.judgments[.provenance] = provenance() }
        report.judgments[.history] = history()
    }

    private var keyEvents: [Envelope] {
        audit.watchedEvents.filter { $0.event.type == VerificationKeyPublished.type }
    }

    private func sessionFailures() -> [String] {
        let events = audit.watchedEvents
        guard let first = events.first else { return ["the log knows no session \(claims.sessionID)"] }
        var failures: [String] = []
        if first.event.type != SessionCreated.type { failures.append("the session's first event is not its creation") }
        guard keyEvents.count == 1, let key = keyEvents.first else {
            return failures + ["the log published \(keyEvents.count) keys for the session instead of 1"]
        }
        failures += KeyEvent.differences(of: key, from: claims)
        let proofs = events.filter { $0.event.type == ProofIssued.type }
        guard proofs.count == 1, let proof = proofs.first else {
            return failures + ["the log holds \(proofs.count) proofs of the session instead of 1"]
        }
        return failures + differences(of: proof)
    }

    private func differences(of proof: Envelope) -> [String] {
        let expected = [
            ("final_hash", "sha256:" + claims.finalHash.hex), ("public_key", claims.publicKey.text),
            ("signature", claims.signatureText),
        ]
        return expected.filter { proof.event.data[$0.0]?.string?.hasSameBytes(as: $0.1) != true }
            .map { "event \(proof.sequence) issued a proof with another \($0.0) for the session" }
    }

    /// A log whose checkpoint was signed by the expected key and covers the key's event is itself an inclusion proof.
    private func provenance() -> ProofReport.Judgment {
        guard hasVerifierKey else {
            return .notReached(
                "the log says itself whose it is: give the --verifier-key that you got from somewhere else")
        }
        guard audit[.authenticity].result == .passed, let signed = audit.checkpoint?.head.size,
            let key = keyEvents.first, key.sequence < signed
        else { return .notReached("no checkpoint signed by the expected key covers the event of the proof's key") }
        return .reached(
            "the expected key signed for the log up to event \(signed - 1); the proof's key is event \(key.sequence)")
    }

    private func history() -> ProofReport.Judgment {
        let events = audit.watchedEvents.count
        guard audit.wanted.contains(.rollback) else {
            return .notReached(
                "the log holds the session's whole life (\(events) events), one key and this proof; but no checkpoint"
                    + " that you kept (--from) shows that it is the same log as before")
        }
        guard audit.status == .verified else {
            return .notReached("the audit of the log did not reach what was asked of it")
        }
        return .reached(
            "the log holds the session's whole life (\(events) events), one key and this proof, and extends the"
                + " checkpoint that you kept")
    }
}
