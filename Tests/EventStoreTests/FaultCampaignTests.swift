import EventStore
import Testing

@testable import FaultCampaign

@Suite("The fault campaign: after any faults, in several lives, a log holds what was acknowledged or refuses")
struct FaultCampaignTests {
    /// Minutes of blocking work do not belong on the threads that other tests wait on.
    private let worker = SerialWorker(name: "fault-campaign")
    static let seeds: Range<UInt64> = 0..<2_000

    @Test("a few thousand seeds lose, invent and silently accept nothing, and meet every kind of fault")
    func honestDisk() async throws {
        let counts = try await worker.run { try Campaign.run(seeds: Self.seeds, threads: 2) }
        #expect(counts.violations.isEmpty, "\(counts.text)")
        #expect(counts.seeds == Self.seeds.count)
        #expect(counts.recompressions > 500 && counts.bitFlips > 500 && counts.powerCuts > 1000)
        // Little is ever removed; the other kinds of call must meet every kind of fault.
        #expect(counts.faults.contains { $0.key.operation == .remove })
        for operation in FileError.Operation.kinds where operation != .remove {
            for fault in [Fault.crash, .tornCrash, .shortWrite, .error(5), .error(28)] {
                #expect(
                    counts.faults[FiredFault(fault: fault, operation: operation), default: 0] > 0,
                    "\(fault.name) at \(operation) never happened")
            }
        }
    }

    @Test("the same seed always means the same history")
    func deterministic() async throws {
        let first = try await worker.run { try Campaign.run(seeds: 0..<50, threads: 2) }
        let second = try await worker.run { try Campaign.run(seeds: 0..<50, threads: 1) }
        #expect(first.text == second.text)
    }

    @Test("a disk that ignores syncs is caught losing acknowledged events")
    func ignoredSync() async throws {
        let counts = try await worker.run { try Campaign.run(seeds: 0..<100, disk: .ignoresSync, threads: 2) }
        #expect(counts.violations.contains { $0.kind == .lost })
    }

    @Test("a disk that ignores syncs of directories is caught losing acknowledged events")
    func ignoredDirectorySync() async throws {
        let counts = try await worker.run { try Campaign.run(seeds: 0..<100, disk: .ignoresDirectorySync, threads: 2) }
        #expect(counts.violations.contains { $0.kind == .lost })
    }
}
