import CanonicalJSON
import EventStore
import Merkle

extension AuditReport {
    /// The report as `nrx-replay audit` prints it.
    public var output: CommandOutput {
        CommandOutput("audit", status: status, text: text, members: document)
    }

    /// The report as `nrx-replay checkpoint` prints it: the checkpoint's text and nothing else, and that only when
    /// nothing is wrong with it.
    public var checkpointOutput: CommandOutput {
        var members = document
        members["checkpoint_text"] = (checkpoint?.text).map { .string($0) }
        let status = checkpoint == nil ? .failed : status
        return CommandOutput(
            "checkpoint", status: status, text: status == .failed ? "" : checkpoint?.text ?? "", members: members)
    }

    private var text: String {
        var lines = LabelledLines(labelWidth: 14)
        lines.add("log", "\(directory), \(counts.segments) segments, \(counts.batches) batches, \(head.size) events")
        lines.add("origin", origin ?? "unknown")
        if let verifierKey { lines.add("verifier key", verifierKey.description) }
        for key in trustedKeys where trustedKeys.count > 1 { lines.add("key", key.text) }
        if let recoveryKey = keys?.recoveryKey { lines.add("recovery key", recoveryKey.description) }
        lines.add("root", head.root.hex)
        for question in asked {
            let verdict = self[question]
            lines.add(question.rawValue, verdict.result.word + ": " + verdict.explanation)
        }
        for finding in findings { lines.add("finding", finding.message) }
        for note in notes { lines.add("note", note) }
        lines.add("result", resultText)
        return lines.text
    }

    /// Every question but the one that is asked with a policy only.
    private var asked: [Question] { Question.allCases.filter { $0 != .witnesses || wanted.contains($0) } }

    private var resultText: String {
        switch status {
        case .verified: "VERIFIED"
        case .failed: "FAILED"
        case .lowerLevel:
            "VERIFIED AT A LOWER LEVEL than asked: "
                + Question.allCases.filter { wanted.contains($0) && self[$0].result != .passed }.map(\.rawValue)
                .joined(separator: ", ") + " could not be established"
        case .unusable: "NOT ASKED"
        }
    }

    /// The members of the JSON contract (docs/auditing.md).
    var document: JSONObject {
        var verdicts = JSONObject()
        for question in asked {
            let verdict = self[question]
            verdicts[question.rawValue] = [
                "result": .string(verdict.result.rawValue), "explanation": .string(verdict.explanation),
            ]
        }
        return JSONObject([
            "log": .object(
                JSONObject([
                    "directory": .string(directory), "origin": origin.map { .string($0) },
                    "verifier_key": verifierKey.map { .string($0.description) },
                    "keys": keys.map { _ in .array(trustedKeys.map(\.document)) },
                    "recovery_key": (keys?.recoveryKey).map { .string($0.description) },
                    "size": .integer(Int64(head.size)), "root": .string(head.root.hex),
                ])),
            "checkpoint": checkpoint.map {
                ["size": .integer(Int64($0.head.size)), "root": .string($0.head.root.hex)]
            },
            "verdicts": .object(verdicts),
            "findings": .array(findings.map(\.document)),
            "behind_damage": behindDamage.map {
                ["events": .integer(Int64(clamping: $0.events)), "authentic": .integer(Int64(clamping: $0.authentic))]
            },
            "notes": .array(notes.map { .string($0) }),
            "counts": counts.document,
        ])
    }
}

extension AuditReport.Verdict.Result {
    /// How the verdict stands in the text for people.
    var word: String {
        switch self {
        case .passed: "PASSED"
        case .failed: "FAILED"
        case .selfAsserted: "SELF-ASSERTED"
        case .unchecked: "NOT CHECKED"
        }
    }
}

extension AuditReport.Finding {
    var document: JSONValue {
        .object(
            JSONObject([
                "verdict": .string(question.rawValue), "code": .string(code), "message": .string(message),
                "file": file.map { .string($0) }, "offset": offset.map { .integer(Int64($0)) },
                "sequence": sequence.map { .integer(Int64(clamping: $0)) },
                "last_sequence": lastSequence.map { .integer(Int64(clamping: $0)) },
                "bytes": bytes.map { .integer(Int64($0)) },
            ]))
    }
}

extension AuditReport.Counts {
    var document: JSONValue {
        [
            "segments": .integer(Int64(segments)), "batches": .integer(Int64(batches)),
            "text_bytes": .integer(Int64(textBytes)), "stored_bytes": .integer(Int64(storedBytes)),
            "customers": .integer(Int64(customers)), "keys": .integer(Int64(keys)),
            "live_sessions": .integer(Int64(liveSessions)), "ended_sessions": .integer(Int64(endedSessions)),
            "proofs": .integer(Int64(proofs)), "unknown_events": .integer(Int64(unknownEvents)),
        ]
    }
}
