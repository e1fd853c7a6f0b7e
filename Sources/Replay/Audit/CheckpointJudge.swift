import EventStore
import Merkle

/// Holds what was signed against what is there: authenticity, completeness and rollback.
struct CheckpointJudge {
    typealias Verdict = AuditReport.Verdict

    let own: Result<Checkpoint, NoteError>?
    let kept: Checkpoint?
    let expectedKey: VerifierKey?
    /// The log's roots at the checkpoints' sizes.
    let roots: [UInt64: Hash]
    let head: TreeHead

    func judge(firstEvent: Envelope?, isDamaged: Bool, into report: inout AuditReport) {
        let named = firstEvent.flatMap { FirstEvent.verifierKey(in: $0) }
        let key = expectedKey ?? named
        report.verifierKey = key
        report.checkpoint = try? own?.get()
        let authenticity = judgeAuthenticity(key: key, named: named)
        let completeness = judgeCompleteness()
        let rollback = judgeRollback(key: key, isDamaged: isDamaged)
        for (question, verdict) in [
            (AuditReport.Question.authenticity, authenticity), (.completeness, completeness), (.rollback, rollback),
        ] {
            report.verdicts[question] = verdict
            guard verdict.result == .failed else { continue }
            report.findings.append(
                .init(question: question, code: question.rawValue, message: verdict.explanation))
        }
        if let checkpoint = report.checkpoint, checkpoint.head.size < head.size {
            report.notes.append(
                "the last \(head.size - checkpoint.head.size) events are newer than the log's checkpoint: nobody has"
                    + " signed for them yet")
        }
        if own == nil {
            report.notes.append("there is no checkpoint beside the segments, so nothing in this log is signed")
        }
    }

    private func judgeAuthenticity(key: VerifierKey?, named: VerifierKey?) -> Verdict {
        guard let key else { return Verdict(.failed, "the log's first event does not say whose log it is") }
        if let named, named != key {
            return Verdict(.failed, "the log's first event names another key, \(named), than the one expected")
        }
        guard let own else { return Verdict(.unchecked, "there is no checkpoint beside the segments") }
        do throws(NoteError) {
            let checkpoint = try own.get()
            guard checkpoint.origin == key.name else {
                throw .malformed("it is of the origin \(checkpoint.origin), not of \(key.name)")
            }
            try checkpoint.verify(with: key)
            return judgeSigned(checkpoint)
        } catch { return Verdict(.failed, "the checkpoint is not accepted: \(error)") }
    }

    private func judgeSigned(_ checkpoint: Checkpoint) -> Verdict {
        let size = checkpoint.head.size
        guard let root = roots[size] else {
            return Verdict(
                .unchecked, "the checkpoint is signed, but for \(size) events, and only \(head.size) could be verified")
        }
        guard root == checkpoint.head.root else {
            return Verdict(.failed, "the first \(size) events are not those that the checkpoint was signed for")
        }
        if expectedKey == nil {
            return Verdict(
                .selfAsserted,
                "the checkpoint over \(size) events is signed by the key that the log's own first event names; whose"
                    + " key that is, the log cannot say: give --verifier-key")
        }
        return Verdict(.passed, "the expected key signed the first \(size) events as they are here")
    }

    private var known: [Checkpoint] { [try? own?.get(), kept].compactMap(\.self) }

    private func judgeCompleteness() -> Verdict {
        guard let newest = known.map(\.head.size).max() else {
            return Verdict(.unchecked, "no checkpoint says how many events there should be")
        }
        guard head.size >= newest else {
            return Verdict(
                .failed,
                "\(newest) events were signed for, and only \(head.size) could be verified: \(newest - head.size)"
                    + " are missing or damaged")
        }
        return Verdict(.passed, "all \(newest) events that were signed for are here")
    }

    private func judgeRollback(key: VerifierKey?, isDamaged: Bool) -> Verdict {
        if let kept {
            do throws(NoteError) {
                guard let key else { throw .malformed("no key is known to check it with") }
                guard kept.origin == key.name else { throw .malformed("it is of the origin \(kept.origin)") }
                try kept.verify(with: key)
            } catch { return Verdict(.failed, "the checkpoint that you kept is not accepted: \(error)") }
        }
        guard !known.isEmpty else {
            return Verdict(.unchecked, "no checkpoint is known that the log could be held against")
        }
        for checkpoint in known {
            let name = checkpoint == kept ? "the checkpoint that you kept" : "the log's own checkpoint"
            guard let root = roots[checkpoint.head.size] else {
                if isDamaged {
                    return Verdict(.unchecked, "the log is damaged before it reaches \(name)")
                }
                return Verdict(
                    .failed,
                    "the log does not reach \(name), over \(checkpoint.head.size) events: it was rolled back"
                        + " or cut off")
            }
            guard root == checkpoint.head.root else {
                return Verdict(
                    .failed, "the log does not extend \(name): its first \(checkpoint.head.size) events are others")
            }
        }
        if kept != nil { return Verdict(.passed, "the log extends the checkpoint that you kept") }
        return Verdict(.passed, "the log extends its own checkpoint; keep that and give it with --from next time")
    }
}
