import EventStore
import Foundation
import LedgerFixtures
import ServerFixtures
import Testing

@testable import API
@testable import Projections

@Suite("The projections when a server starts", .timeLimit(.minutes(5)))
struct StartingProjectionsTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/projections.sqlite" }
    private let log = Player.log(seed: 31, steps: 1_500)

    init() throws { directory = try TemporaryDirectory() }

    private func start(_ events: [Envelope]) throws -> ProjectionStore {
        let projections = try StartingProjections(path: path, log: directory.path, logger: TestServer.quiet)
        for start in stride(from: 0, to: events.count, by: 100) {
            projections.take(Array(events[start..<min(start + 100, events.count)]))
        }
        return try projections.open()
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).filter {
            $0.hasPrefix("projections.sqlite.")
        }
    }

    @Test(
        "What is missing, damaged or of another version is built while the log is read, and is what it would be event by event"
    )
    func built() throws {
        let reference = try ProjectionStore(path: directory.path + "/reference.sqlite")
        try reference.apply(log)
        let digest = try reference.digest()
        let harms: [() throws -> Void] = [
            { try FileManager.default.removeItem(atPath: path) },
            { try Data("no database, however long it may be looked at".utf8).write(to: URL(filePath: path)) },
        ]
        for harm in harms {
            try start(log).close()
            try harm()
            let store = try start(log)
            #expect(store.opening == .continued && store.position == UInt64(log.count))
            #expect(try store.digest() == digest)
            #expect(try files().filter { $0.hasSuffix(".rebuilding") } == [])
            try store.close()
        }
        #expect(try ProjectionStore.reasonToBuild(at: path) == nil)
    }

    @Test("What is sound is gone on from, and not built again")
    func sound() throws {
        let store = try start(Array(log[..<500]))
        try store.close()
        let again = try start(log)
        #expect(again.opening == .continued && again.position == 500)
        try again.apply(Array(log[500...]))
        try again.close()
    }

    @Test("Events that cannot be applied at once are left to who follows the log; nothing is left of the attempt")
    func left() throws {
        let store = try start(Array(log[..<200]) + Array(log[201...]))
        #expect(store.opening == .created && store.position == 0)
        #expect(try files().filter { $0.hasSuffix(".rebuilding") } == [])
        try store.apply(log)
        try store.close()
    }
}
