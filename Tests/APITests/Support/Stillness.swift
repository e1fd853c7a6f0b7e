import EventStore
import Merkle
import Testing

@testable import API
@testable import Projections

/// What a server knows at one moment; two of them are equal when nothing happened between.
///
/// A first request with a key reserves a block of requests in the log, so a test sends one before the first look.
struct Stillness: Equatable {
    let events: UInt64
    let projections: Hash
    let environments: Int

    init(of server: TestServer) async throws {
        let log = server.server.log
        events = log.head.size
        try await server.server.ledger.projections.caughtUp(to: events)
        let store = server.server.store
        projections = try await SerialWorker(name: "nrx.test").run { () throws in try store.digest().whole }
        environments = server.server.sessions.count
    }
}

extension TestServer {
    /// Runs `body` and expects that it changed nothing at all.
    func expectStillness(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        let before = try await Stillness(of: self)
        try await body()
        let after = try await Stillness(of: self)
        #expect(before == after, sourceLocation: sourceLocation)
    }
}
