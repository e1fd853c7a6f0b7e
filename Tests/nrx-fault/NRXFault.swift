public import ArgumentParser
public import FaultCampaign
import Foundation

/// Runs a fault campaign against the log, or one seed of it again.
@main
struct NRXFault: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nrx-fault",
        abstract: "Break the log's disk in every way, from seeds, and hold what is left against what was acknowledged.",
        discussion: "Exit code 1 when anything was lost, invented, refused without reason or silently accepted.")

    @Option(help: "Number of seeds.") var seeds: UInt64 = 10_000
    @Option(help: "First seed.") var from: UInt64 = 0
    @Option(help: "Only this seed.") var seed: UInt64?
    @Option(help: "honest, ignores-sync or ignores-directory-sync: the last two must lose events.")
    var disk: Campaign.Disk = .honest
    @Option(help: "Keep what was run in this file, and go on from there: for long campaigns. Seeds in thousands.")
    var record: String?
    @Option(help: "Threads; by default one a core.") var threads = ProcessInfo.processInfo.activeProcessorCount

    func validate() throws {
        guard seeds > 0, threads > 0 else { throw ValidationError("--seeds and --threads must be at least 1.") }
        let chunk = CampaignRecord.chunkSeeds
        guard record == nil || seed == nil && from.isMultiple(of: chunk) && seeds.isMultiple(of: chunk) else {
            throw ValidationError("With --record, --from and --seeds must be multiples of \(chunk), without --seed.")
        }
    }

    func run() throws {
        let range = seed.map { $0..<($0 + 1) } ?? from..<(from + seeds)
        let clock = ContinuousClock()
        let start = clock.now
        let counts = try run(range)
        print(counts.text + "time                   \(start.duration(to: clock.now))")
        if !counts.violations.isEmpty { throw ExitCode(1) }
    }

    private func run(_ range: Range<UInt64>) throws -> CampaignCounts {
        guard let record else {
            return try Campaign.run(seeds: range, disk: disk, threads: threads) { Self.report(UInt64($0)) }
        }
        var campaign = try CampaignRecord(path: record, disk: disk)
        return try campaign.run(seeds: range, threads: threads) { Self.report($0) }
    }

    private static func report(_ done: UInt64) {
        FileHandle.standardError.write(Data("\(done) seeds\n".utf8))
    }
}

extension Campaign.Disk: ExpressibleByArgument {}
