import CanonicalJSON
import EventStore
import Ledger
import Merkle
import Testing

@testable import Replay

/// Each log here is consistent in every byte and signed by the right key: only its meaning is wrong.
@Suite("Replaying what a log means")
struct MeaningReplayTests {
    private func finding(_ log: TestLog) throws -> AuditReport.Finding? {
        let report = try LogAuditor(verifierKey: log.verifierKey).audit(log.path)
        #expect(report[.integrity].result == .passed)
        #expect(report[.authenticity].result == .passed)
        #expect(report[.meaning].result == (report.findings.isEmpty ? .passed : .failed))
        #expect(report.status == (report.findings.isEmpty ? .verified : .failed))
        return report.findings.first
    }

    private func edited(_ edit: (inout [[[UInt8]]]) throws -> Void) async throws -> AuditReport.Finding? {
        let log = try await TestLog.make()
        try Forgery.edit(log, edit)
        try Forgery.sign(log, with: try TestSigner())
        return try finding(log)
    }

    @Test("a log that is only written anew has no finding")
    func control() async throws { #expect(try await edited { _ in } == nil) }

    @Test("a command that ends without having begun is found")
    func illegalTransition() async throws {
        let finding = try await edited {
            try Forgery.replace(#""type":"session.executing""#, by: #""type":"session.executed""#, in: &$0)
        }
        #expect(finding?.code == "payload")
        #expect(finding?.sequence == 4)
    }

    @Test("a session that goes on after its end is found")
    func afterTheEnd() async throws {
        let finding = try await edited { batches in
            let line = try #require(batches.joined().first { contains($0, #""type":"session.executing""#) })
            let place = batches.joined().count
            let text = String(decoding: line, as: UTF8.self)
            batches.append([Array(text.replacing(#""seq":4"#, with: #""seq":\#(place)"#).utf8)])
        }
        #expect(finding?.code == "transition")
        #expect(finding?.message.contains("destroyed") == true)
    }

    @Test("an event that is not in canonical form is found")
    func notCanonical() async throws {
        let finding = try await edited { try Forgery.replace(#""region":"eu""#, by: #""region": "eu""#, in: &$0) }
        #expect(finding?.code == "event")
        #expect(finding?.message.contains("canonical") == true)
        #expect(finding?.sequence == 3)
    }

    @Test("an event out of its place is found")
    func wrongPlace() async throws {
        let finding = try await edited { try Forgery.replace(#""seq":5"#, by: #""seq":6"#, in: &$0) }
        #expect(finding?.code == "event")
        #expect(finding?.sequence == 5)
    }

    @Test("a session's end and its proof in two commits are found")
    func splitCommit() async throws {
        let finding = try await edited { batches in
            let index = try #require(batches.firstIndex { contains($0[0], "session.destroyed") })
            let proof = batches[index].removeLast()
            batches.insert([proof], at: index + 1)
        }
        #expect(finding?.code == "torn_commit")
    }

    @Test("a log that ends between a session's end and its proof is found")
    func tornCommit() async throws {
        let finding = try await edited { batches in
            let index = try #require(batches.firstIndex { contains($0[0], "session.destroyed") })
            batches[index].removeLast()
            batches.removeLast(batches.count - index - 1)
        }
        #expect(finding?.code == "torn_commit")
    }

    @Test("a proof whose evidence was altered is found, though the log agrees with itself")
    func alteredProof() async throws {
        let log = try await TestLog.make { story in
            story.alterDocument = { document in
                var object = document.object ?? JSONObject()
                var evidence = object["evidence"]?.array ?? []
                var second = evidence[1].object ?? JSONObject()
                var inner = second["document"]?.object ?? JSONObject()
                inner["files"] = 3
                second["document"] = .object(inner)
                evidence[1] = .object(second)
                object["evidence"] = .array(evidence)
                return .object(object)
            }
        }
        let finding = try finding(log)
        #expect(finding?.code == "proof_invalid")
        #expect(finding?.message.contains("evidence") == true)
    }

    @Test("a proof that does not say how many commands the session ran is found")
    func wrongCount() async throws {
        let log = try await TestLog.make { $0.execCountInProof = 2 }
        let finding = try finding(log)
        #expect(finding?.code == "proof")
        #expect(finding?.message.contains("exec_count") == true)
    }

    @Test("a proof that seals a state that the log never had is found")
    func inventedState() async throws {
        let log = try await TestLog.make { story in
            story.headOfProof = { TreeHead(size: $0.size, root: TreeHasher.emptyRoot) }
        }
        let finding = try finding(log)
        #expect(finding?.code == "proof_log")
        #expect(finding?.message.contains("never had") == true)
    }

    @Test("a proof that seals a state from before its key was published is found")
    func tooEarlyState() async throws {
        let log = try await TestLog.make { story in
            let before = story.log.head
            story.headOfProof = { _ in before }
        }
        let finding = try finding(log)
        #expect(finding?.code == "proof_log")
        #expect(finding?.message.contains("its key") == true)
    }

    @Test("a sealed state that is no batch's end is looked up in a second reading")
    func stateInsideBatch() async throws {
        let log = try await TestLog.make()
        try Forgery.edit(log) { batches in batches = [Array(batches.joined())] }
        try Forgery.sign(log, with: try TestSigner())
        #expect(try finding(log) == nil)
        let wrong = try await TestLog.make { story in
            story.headOfProof = { TreeHead(size: $0.size, root: TreeHasher.emptyRoot) }
        }
        try Forgery.edit(wrong) { batches in batches = [Array(batches.joined())] }
        try Forgery.sign(wrong, with: try TestSigner())
        #expect(try finding(wrong)?.code == "proof_log")
    }

    @Test("a proof that names other missing layers than the session began with is found")
    func otherLayers() async throws {
        let log = try await TestLog.make { $0.layersInProof = ["seccomp"] }
        #expect(try finding(log)?.code == "proof_layers")
        let honest = try await TestLog.make { $0.layersMissing = ["seccomp"] }
        #expect(try finding(honest) == nil)
    }

    private func contains(_ line: [UInt8], _ text: String) -> Bool {
        String(decoding: line, as: UTF8.self).contains(text)
    }
}
