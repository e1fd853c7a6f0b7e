import CanonicalJSON
import Foundation
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
