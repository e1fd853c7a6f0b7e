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

    /// - Parameter named: the keys that the log itself names; nil when its first event cannot be read.
    func judge(named: LogKeyHistory?, isDamaged: Bool, into report: inout AuditReport) {
        // A log that cannot say whose it is is held against the one key that is expected.
        let keys = named ?? expectedKey.map { LogKeyHistory(first: $0) }
        report.verifierKey = keys?.current
        report.keys = named
        noteRecoveries(of: named, into: &report)
        report.checkpoint = try? own?.get()
        let authenticity = judgeAuthenticity(keys)
        let completeness = judgeCompleteness()
        let rollback = judgeRollback(keys, isDamaged: isDamaged)
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

    /// Whoever expects an earlier key trusts, in a recovered log, the recovery key that it named.
    private func noteRecoveries(of keys: LogKeyHistory?, into report: inout AuditReport) {
        guard let keys else { return }
        let known = expectedKey.flatMap { key in keys.periods.firstIndex { $0.key == key } } ?? 0
        for rotation in keys.rotations[known...] {
            guard case .recoveryKey(let key) = rotation.endorser else { continue }
            report.notes.append(
                "event \(rotation.lastSize): the log's key was lost, and its recovery key \(key.name) put another in its"
                    + " place; the key before it named that recovery key")
        }
    }

    private func judgeAuthenticity(_ keys: LogKeyHistory?) -> Verdict {
        guard let keys else { return Verdict(.failed, "the log's first event does not say whose log it is") }
        if let expectedKey, !keys.contains(expectedKey) {
            return Verdict(
                .failed, "the log's events name another key, \(keys.current), than the one expected")
        }
        guard let own else { return Verdict(.unchecked, "there is no checkpoint beside the segments") }
        do throws(NoteError) {
            let checkpoint = try own.get()
            try keys.verify(checkpoint)
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

    private func judgeRollback(_ keys: LogKeyHistory?, isDamaged: Bool) -> Verdict {
        if let kept {
            do throws(NoteError) {
                guard let keys else { throw .malformed("no key is known to check it with") }
                try keys.verify(kept)
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
