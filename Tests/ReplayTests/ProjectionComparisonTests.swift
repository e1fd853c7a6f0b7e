import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Projections
import Testing

@testable import Replay

@Suite("Rebuilding projections and comparing them with the log")
struct ProjectionComparisonTests {
    private func rebuilt(_ log: TestLog) throws -> String {
        let target = log.directory.file("projections.sqlite")
        #expect(try ProjectionRebuild(directory: log.path, target: target).run().status == .verified)
        return target
    }

    @Test("two rebuilds of a log have the same digest, and a rebuild is equal to the log")
    func equal() async throws {
        let log = try await TestLog.make()
        let first = try ProjectionRebuild(directory: log.path, target: log.directory.file("a.sqlite")).run()
        let second = try ProjectionRebuild(directory: log.path, target: log.directory.file("b.sqlite")).run()
        #expect(first.json["digest"] == second.json["digest"])
        let comparison = ProjectionComparison(directory: log.path, projection: log.directory.file("a.sqlite"))
        #expect(try comparison.run().status == .verified)
    }

    @Test(
        "a rebuild, which takes texts from the log's lines, has the rows of a server that applied the events themselves"
    )
    func asApplied() async throws {
        let log = try await TestLog.make()
        let rebuild = try ProjectionRebuild(directory: log.path, target: log.directory.file("rebuilt.sqlite")).run()
        let applied = try ProjectionStore(path: log.directory.file("applied.sqlite"))
        _ = try LogScanner(directory: log.path).scan { batch in try applied.apply(try batch.envelopes()) }
        #expect(try rebuild.json["digest"] == applied.digest().document)
        let rebuilt = try ProjectionStore(path: log.directory.file("rebuilt.sqlite"))
        #expect(try rebuilt.differences(from: applied).isEmpty)
        #expect(try applied.digest().tables.first { $0.name == "proofs" }?.rows == 2)
    }

    @Test("a proof's document is taken from its line byte for byte, and one that is not canonical JSON is damage")
    func documents() async throws {
        let log = try await TestLog.make()
        let target = try rebuilt(log)
        let store = try ProjectionStore(path: target)
        var documents: [[UInt8]] = []
        for session in log.sessions.prefix(2) {
            let shown = try Shell.run(
                "sqlite3 \(target) \"SELECT document FROM proofs p JOIN sessions s ON s.sequence = p.session WHERE s.id = '\(session.text)'\""
            )
            documents.append(Array(shown.output.dropLast()))
        }
        try store.close()
        #expect(try documents == log.proofs.map { try JSONReader.read($0).canonicalBytes })
        for (old, new) in [
            (#""cdp":{"#, #""cdp": {"#), (#""step":2,"#, #""step":02,"#), (#""cdp":{"#, #""cdp":{"a":1,"a":2,"#),
        ] {
            let forged = try log.copy()
            try Forgery.edit(forged) { try Forgery.replace(old, by: new, in: &$0) }
            let output = try ProjectionRebuild(directory: forged.path, target: forged.directory.file("forged.sqlite"))
                .run()
            #expect(output.status == .failed, "\(new)")
        }
    }

    @Test("a row that somebody edited is named with its table and column")
    func edited() async throws {
        let log = try await TestLog.make()
        let target = try rebuilt(log)
        #expect(try Shell.run("sqlite3 \(target) \"UPDATE customers SET tier = 'enterprise'\"").status == 0)
        let output = try ProjectionComparison(directory: log.path, projection: target).run()
        #expect(output.status == .failed)
        let difference = try #require(output.json["differences"]?.array?.first)
        #expect(difference["table"]?.string == "customers")
        #expect(difference["kind"]?.string == "changed")
        #expect(difference["columns"] == ["tier"])
    }

    @Test("a projection that is behind the log is compared at its own position")
    func behind() async throws {
        let log = try await TestLog.make()
        let target = log.directory.file("behind.sqlite")
        let builder = try ProjectionBuilder(path: target)
        _ = try ProjectionRebuilder(directory: log.path).run(with: builder, limit: 5, progress: { _ in })
        _ = try builder.finish()
        let output = try ProjectionComparison(directory: log.path, projection: target).run()
        #expect(output.status == .verified)
        #expect(output.json["position"] == 5)
    }

    @Test("a projection that is ahead of the log is found")
    func ahead() async throws {
        let log = try await TestLog.make()
        let target = try rebuilt(log)
        try Forgery.edit(log) { $0.removeLast() }
        #expect(try ProjectionComparison(directory: log.path, projection: target).run().status == .failed)
    }

    @Test("a damaged log leaves no rebuilt file behind, and an existing file is never written over")
    func refusals() async throws {
        let log = try await TestLog.make()
        let target = try rebuilt(log)
        #expect(throws: AuditorError.self) { try ProjectionRebuild(directory: log.path, target: target).run() }
        let name = try #require(try log.segments().first)
        var bytes = try log.directory.bytes(name)
        bytes[bytes.count / 2] ^= 1
        try log.directory.write(bytes, to: name)
        let other = log.directory.file("other.sqlite")
        #expect(try ProjectionRebuild(directory: log.path, target: other).run().status == .failed)
        #expect(!FileManager.default.fileExists(atPath: other))
    }

    @Test("a file that is no projection is refused, one that is not there cannot be asked about")
    func noProjection() async throws {
        let log = try await TestLog.make()
        try log.directory.write(Array("not a database, but long enough to look at".utf8), to: "x.sqlite")
        let comparison = ProjectionComparison(directory: log.path, projection: log.directory.file("x.sqlite"))
        #expect(try comparison.run().status == .failed)
        let absent = ProjectionComparison(directory: log.path, projection: log.directory.file("absent"))
        #expect(throws: AuditorError.self) { try absent.run() }
    }
}
