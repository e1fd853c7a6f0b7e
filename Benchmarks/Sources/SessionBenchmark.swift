import Foundation
import Logging
import Sandbox

/// A session from its creation over `true` to its measured destruction, against bare bubblewrap running `true`.
enum SessionBenchmark {
    static func rows(in directory: String, rounds: Rounds) async throws -> [Table.Row] {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let logger = Logger(label: "nrx-bench") { _ in SwiftLogNoOpLogHandler() }
        let host = try SandboxHost(configuration: .init(stateDirectory: directory), logger: logger)
        let template = try await host.create(specification())
        let bare = try BareBubblewrap(observing: .firstChild())
        _ = try await template.destroy()
        let medians = try await rounds.medians([
            { seconds in try await cycles(on: host, seconds: seconds) },
            { seconds in try rate(for: seconds) { try bare.runTrue() } },
        ])
        await host.shutdown()
        return [
            Table.Row(
                name: "session: create, exec true, destroy (time)", ours: rateText(medians[0]),
                peer: "bwrap with the same flags, true", theirs: rateText(medians[1]), ratio: medians[1] / medians[0],
                target: .atMost(3))
        ]
    }

    private static func specification() -> SessionSpecification {
        SessionSpecification(sessionID: "sess_" + SampleEvents.newEventID().dropFirst(4))
    }

    private static func cycles(on host: SandboxHost, seconds: Double) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let end = start.advanced(by: .seconds(seconds))
        var count = 0
        while clock.now < end {
            let environment = try await host.create(specification())
            let result = try await environment.execute(ExecRequest(.arguments(["true"])))
            guard result.exitCode == 0 else { throw BenchmarkError("true did not end with 0 in a session") }
            _ = try await environment.destroy()
            count += 1
        }
        return Double(count) / start.duration(to: clock.now).inSeconds
    }
}
