import EventStore
import Merkle

extension AuditReport {
    /// What can be said of the events behind the first damage.
    ///
    /// - Parameters:
    ///   - evidence: what the tiles say; nil where no signed checkpoint reaches behind the damage.
    ///   - survey: nil where nothing is damaged.
    mutating func judgeEvidence(_ evidence: TileEvidence.Finding?, survey: DamageSurvey?) {
        guard let survey, survey.batches > 0 else { return }
        let found =
            "after the first damage, \(survey.events) events in \(survey.batches) batches are whole in themselves"
        behindDamage = BehindDamage(events: survey.events, authentic: evidence?.authenticEvents ?? 0)
        guard let evidence, evidence.leadsToSignedRoot else {
            let why =
                evidence == nil
                ? "no signed checkpoint reaches them" : "the hash tiles beside the log do not lead to the signed root"
            notes.append(
                found
                    + ": their checksums, counts and order hold. Whether they are those that were signed for cannot be"
                    + " told: \(why), and tree roots behind a damage cannot be recomputed")
            return
        }
        if let root = evidence.rootBeforeDamage, root != head.root {
            add("events 0 to \(max(head.size, 1) - 1), before the damage, are not those that were signed for", at: 0)
        }
        for sequence in evidence.otherEvents {
            add("event \(sequence), behind the damage, is not the one that was signed for", at: sequence)
        }
        notes.append(
            found
                + "; \(evidence.authenticEvents) of these events are those that were signed for: the hash tiles lead to"
                + " the checkpoint's root, and hold these events' hashes")
    }

    private mutating func add(_ message: String, at sequence: UInt64) {
        findings.append(Finding(question: .integrity, code: "leaf", message: message, sequence: sequence))
    }
}
