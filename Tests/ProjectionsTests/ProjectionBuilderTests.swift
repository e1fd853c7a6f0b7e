import CanonicalJSON
import EventStore
import Foundation
import GRDB
import Ledger
import LedgerFixtures
import Merkle
@testable import Projections
import Testing

@Suite("Building the projections of a whole log")
struct ProjectionBuilderTests {
    private let directory = try? TemporaryDirectory()

    private func path(_ name: String = "built.sqlite") throws -> String { try #require(directory).file(name) }

    private func opened(_ log: some Sequence<Envelope>) throws -> [OpenedEnvelope] {
        try log.map { try OpenedEnvelope($0) }
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: #require(directory).path).sorted()
    }

    @Test(
        "Built at once, it has the rows of a file to which the same events were applied as they came",
        arguments: [UInt64(21), 22, 23], [1, 13, 5_000])
    func sameRows(seed: UInt64, size: Int) throws { try expectSameRows(seed, size, ProjectionBuilder.eventsPerFlush) }

    @Test(
        "However often rows that were changed in memory are written, and whatever comes after a session's end",
        arguments: [UInt64(21), 27], [1, 5, 60])
    func flushed(seed: UInt64, eventsPerFlush: Int) throws { try expectSameRows(seed, 1, eventsPerFlush) }

    /// Events of a session that ended long ago find it in its table.
    private func withLateEvent(_ log: [Envelope]) throws -> [Envelope] {
        let end = try #require(log.first { $0.event.type == SessionExpiredUnclean.type })
        let late = EventDraft(
            id: "evt_late", at: try #require(log.last).event.at, actor: "system", stream: end.event.stream, trace: "t",
            type: SessionExecuting.type, version: 1,
            data: SessionExecuting(execID: ExecID(high: 1, low: 2), inputBytes: 0, receiptSHA256: .zero).data)
        return log + [Envelope(sequence: UInt64(log.count), event: late)]
    }

    private func expectSameRows(_ seed: UInt64, _ size: Int, _ eventsPerFlush: Int) throws {
        let log = try withLateEvent(Player.log(seed: seed, steps: 3_000))
        let live = try ProjectionStore(path: try path("live.sqlite"))
        for start in stride(from: 0, to: log.count, by: 3) {
            try live.apply(Array(log[start..<min(start + 3, log.count)]))
        }
        let builder = try ProjectionBuilder(path: try path(), eventsPerFlush: eventsPerFlush)
        for start in stride(from: 0, to: log.count, by: size) {
            try builder.apply(try opened(log[start..<min(start + size, log.count)]))
        }
        #expect(builder.position == UInt64(log.count))
        let digest = try builder.finish()
        #expect(try digest == live.digest())
        let built = try ProjectionStore(path: try path())
        #expect(built.opening == .continued)
        #expect(try built.digest() == digest)
        #expect(try built.differences(from: live).isEmpty)
        #expect(built.keys.count == live.keys.count)
        #expect(
            try files().filter { $0.hasPrefix("built.sqlite.") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") } == []
        )
    }

    @Test("A server goes on from a file that was built, and every index of a file that it made itself is there")
    func continued() throws {
        let log = Player.log(seed: 24, steps: 2_000)
        let half = log.count / 2
        let live = try ProjectionStore(path: try path("live.sqlite"))
        try live.apply(log)
        let builder = try ProjectionBuilder(path: try path())
        try builder.apply(try opened(log[..<half]))
        _ = try builder.finish()
        let store = try ProjectionStore(path: try path())
        #expect(store.opening == .continued && store.position == UInt64(half))
        try store.apply(Array(log[half...]))
        #expect(try store.digest() == live.digest())
        try store.close()
        let database = try DatabaseQueue(path: try path())
        #expect(try database.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
    }

    @Test("Until it has finished, what was there stays; a builder that was given up leaves nothing")
    func abandoned() throws {
        let log = Player.log(seed: 25, steps: 400)
        let old = try ProjectionStore(path: try path())
        try old.apply(Array(log[..<50]))
        try old.close()
        try Data("of a builder that died".utf8).write(to: URL(filePath: try path() + ".rebuilding"))
        let builder = try ProjectionBuilder(path: try path())
        try builder.apply(try opened(log))
        builder.abandon()
        #expect(builder.hasEnded)
        #expect(try files() == ["built.sqlite"])
        #expect(throws: ProjectionError.self) { try builder.apply(try opened(log)) }
        #expect(throws: ProjectionError.self) { try builder.finish() }
        let same = try ProjectionStore(path: try path())
        #expect(same.opening == .continued && same.position == 50)
    }

    @Test("A gap, a repeat or an event that cannot be placed ends the work and removes the file")
    func refused() throws {
        let log = Player.log(seed: 26, steps: 400)
        let orphan = Envelope(
            sequence: 20,
            event: EventDraft(
                id: "evt_1", at: log[20].event.at, actor: "system", stream: SessionID(high: 1, low: 1).text, trace: "t",
                type: "session.executing", version: 1,
                data: SessionExecuting(execID: ExecID(high: 1, low: 2), inputBytes: 0, receiptSHA256: .zero).data))
        for (next, code) in [
            (log[21], ProjectionError.Code.gap), (log[19], .gap), (orphan, .event),
        ] {
            let builder = try ProjectionBuilder(path: try path())
            try builder.apply(try opened(log[..<20]))
            let error = #expect(throws: ProjectionError.self) { try builder.apply(try opened([next])) }
            #expect(error?.code == code)
            #expect(builder.hasEnded)
            #expect(try files() == [])
        }
    }
}
