import ArgumentParser
import EventStore
import Foundation

/// `nrx-bench sample-log`: a log of any length, to audit.
struct SampleLog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample-log",
        abstract:
            "Write a log of sessions, each with a real proof, to measure `nrx-replay` with; print its verifier key.")

    @Argument(help: "The log's directory; it must not exist.")
    var directory: String

    @Option(help: "Events, about.")
    var events: UInt64 = 10_000_000

    @Option(help: "Commands of each session.")
    var commands = 8

    @Option(help: "Sessions at the same time.")
    var atOnce = 256

    func validate() throws {
        guard events > 0, commands > 0, atOnce > 0 else { throw ValidationError("Every number must be at least 1.") }
        guard !FileManager.default.fileExists(atPath: directory) else {
            throw ValidationError("\(directory) exists already. Name another directory.")
        }
    }

    func run() async throws {
        let signer = try BenchmarkSigner()
        var configuration = EventLogConfiguration()
        // As it was committed: recompression has a measurement of its own.
        configuration.recompressesSealedSegments = false
        let log = try EventLog.open(
            directory: directory, signer: signer, keeper: signer, configuration: configuration,
            clock: SystemClock.now, newEventID: { SampleEvents.newEventID() })
        try await SampleHistory(log: log).writeLongSessions(until: events, commands: commands, atOnce: atOnce)
        try await log.close()
        print("\(log.head.size) events, verifier key \(signer.verifierKey)")
    }
}
