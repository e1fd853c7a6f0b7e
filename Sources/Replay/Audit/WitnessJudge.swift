import EventStore
import Foundation
import Merkle

/// Whether enough of the witnesses that the auditor trusts have cosigned the log (C2SP `tlog-policy`).
struct WitnessJudge {
    typealias Verdict = AuditReport.Verdict

    let policy: TrustPolicy
    /// The checkpoint with cosignatures; without one, the log's own.
    let cosigned: Result<Checkpoint, NoteError>?
    /// The log's roots at the checkpoints' sizes.
    let roots: [UInt64: Hash]
    let head: TreeHead

    func judge(_ keys: LogKeyHistory?, into report: inout AuditReport) {
        let verdict = verdict(keys)
        report.verdicts[.witnesses] = verdict
        guard verdict.result == .failed else { return }
        report.findings.append(.init(question: .witnesses, code: "witnesses", message: verdict.explanation))
    }

    private func verdict(_ keys: LogKeyHistory?) -> Verdict {
        guard policy.quorum != nil else { return Verdict(.passed, "the policy asks for no witness") }
        guard let cosigned else {
            return Verdict(.unchecked, "there is no checkpoint that witnesses could have cosigned")
        }
        do throws(NoteError) {
            let checkpoint = try cosigned.get()
            guard let keys else { throw .malformed("the log's first event does not say whose log it is") }
            try keys.verify(checkpoint)
            return judge(checkpoint, try policy.cosigners(of: checkpoint))
        } catch { return Verdict(.failed, "the cosigned checkpoint is not accepted: \(error)") }
    }

    private func judge(_ checkpoint: Checkpoint, _ cosigners: [String: UInt64]) -> Verdict {
        let size = checkpoint.head.size
        guard let root = roots[size] else {
            return Verdict(.failed, "witnesses cosigned \(size) events, and only \(head.size) could be verified")
        }
        guard root == checkpoint.head.root else {
            return Verdict(.failed, "the first \(size) events are not those that witnesses cosigned")
        }
        let names = cosigners.sorted { $0.key < $1.key }.map { "\($0.key) (\(Self.time($0.value)))" }
        guard policy.isQuorum(cosigners.keys) else {
            let who = names.isEmpty ? "nobody whom the policy names" : "only " + names.joined(separator: ", ")
            return Verdict(
                .unchecked, "\(who) cosigned the checkpoint over \(size) events: not the quorum that is asked for")
        }
        let newer = head.size - size
        return Verdict(
            .passed,
            "the first \(size) events were cosigned by " + names.joined(separator: ", ")
                + (newer > 0 ? "; the newest \(newer) are not cosigned yet" : ""))
    }

    /// 10000-01-01, in seconds since 1970: what a line claims beyond it is shown as the last second before.
    private static let yearTenThousand: UInt64 = 253_402_300_800

    private static func time(_ seconds: UInt64) -> String {
        Timestamp(microseconds: Int64(min(seconds, yearTenThousand - 1)) * 1_000_000).secondsText
    }
}
