import Foundation
import Testing

@testable import EventStore
@testable import FaultCampaign

@Suite("Cosigned checkpoints of an earlier key")
struct CosignedAfterRotationTests {
    private func open(_ directory: String, _ signer: TestSigner, _ keeper: MemoryHeadKeeper) throws -> EventLog {
        try EventLog.open(
            directory: directory, signer: signer, keeper: keeper, configuration: smallConfiguration(),
            clock: { Timestamp(microseconds: 1_772_373_600_000_000) },
            newEventID: { "evt_" + String(repeating: "f", count: 32) })
    }

    @Test(
        "what was cosigned is there again after a restart, but not once the log's key is another one: strangers know that"
    )
    func restart() async throws {
        let directory = try TemporaryDirectory()
        let keeper = MemoryHeadKeeper()
        let (old, new) = (try TestSigner(), try TestSigner(seed: Array(1..<33)))
        let log = try open(directory.path, old, keeper)
        _ = try await log.append([draft(1)])
        let early = try await log.signCheckpoint()
        try await log.keepCosigned(early)
        try await log.close()

        let again = try open(directory.path, old, keeper)
        #expect(again.cosignedCheckpoint == early)
        let time = Timestamp(microseconds: 1_772_373_600_000_000)
        _ = try await again.rotateKey(to: new, eventID: "evt_" + String(repeating: "e", count: 32), at: time)
        #expect(again.cosignedCheckpoint == nil)
        try await again.close()

        // The file of before is still beside the log.
        let next = try open(directory.path, new, keeper)
        #expect(next.cosignedCheckpoint == nil)
        let late = try await next.signCheckpoint()
        try await next.keepCosigned(late)
        #expect(next.cosignedCheckpoint == late)
        try await next.close()
    }
}
