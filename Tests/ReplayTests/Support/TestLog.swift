import EventStore
import Ledger
import Testing

@testable import Proofs

/// A log in a directory of its own, closed again, with what an auditor would have kept of it.
struct TestLog {
    let directory: TemporaryDirectory
    let verifierKey: VerifierKey
    /// Proofs of the sessions that ended, in order.
    let proofs: [[UInt8]]
    let sessions: [Ledger.SessionID]
    /// A checkpoint from the middle of its life.
    let kept: Checkpoint

    var path: String { directory.path }

    /// Opens a log that is created when absent.
    static func open(
        _ directory: String, signer: TestSigner? = nil, keeper: MemoryHeadKeeper = MemoryHeadKeeper(),
        segmentBytes: Int = 1 << 16, naming recoveryKey: VerifierKey? = nil, recoveredBy recovery: TestSigner? = nil
    ) throws -> EventLog {
        var configuration = EventLogConfiguration()
        configuration.recoveryKey = recoveryKey
        configuration.segmentBytes = segmentBytes
        configuration.preparesSegmentsAhead = false
        // Tests count batches and know where they are.
        configuration.recompressesSealedSegments = false
        return try EventLog.open(
            directory: directory, signer: try signer ?? TestSigner(), keeper: keeper, configuration: configuration,
            clock: { Timestamp(microseconds: 1_772_373_600_000_000) }, newEventID: { EventID(high: 1, low: 1).text },
            recovery: recovery.map { LogKeyRecovery(recoveryKey: $0, eventID: EventID(high: 1, low: 2).text) })
    }

    /// Two sessions destroyed and one alive, the checkpoint kept between the first two.
    static func make(
        segmentBytes: Int = 1 << 16, _ prepare: (inout Story) -> Void = { _ in }
    ) async throws -> TestLog {
        let directory = try TemporaryDirectory()
        let log = try open(directory.path, segmentBytes: segmentBytes)
        var story = try await Story(log: log)
        let first = try await story.liveSession()
        var proofs = [try await story.destroy(first)]
        let kept = try await log.signCheckpoint()
        prepare(&story)
        let second = try await story.liveSession()
        proofs.append(try await story.destroy(second))
        let third = try await story.liveSession()
        try await log.close()
        return TestLog(
            directory: directory, verifierKey: log.verifierKey, proofs: proofs, sessions: [first, second, third],
            kept: kept)
    }

    /// The same log in another place.
    func copy() throws -> TestLog {
        TestLog(
            directory: try directory.copy(), verifierKey: verifierKey, proofs: proofs, sessions: sessions, kept: kept)
    }

    /// The segment's names in order.
    func segments() throws -> [String] { try LogScanner(directory: path).segments().map(\.name) }
}
