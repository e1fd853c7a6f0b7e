import Foundation
import Logging
import Sandbox

/// A session from its creation over `true` to its measured destruction, beside bare bubblewrap running `true`, and beside
/// container runtimes where they are installed.
enum SessionBenchmark {
    static func measure(in directory: String, rounds: Rounds) async throws -> (rows: [Table.Row], notes: [String]) {
        let cold = try host(directory + "/cold", warmPoolSize: 0)
        let warm = try host(directory + "/warm", warmPoolSize: 2)
        let template = try await cold.create(specification())
        let bare = try BareBubblewrap(observing: .firstChild())
        _ = try await template.destroy()
        let place = try ContainerPlace()
        let (containers, notes) = try ContainerPeer.find(in: directory, at: place)
        let medians = try await rounds.medians(
            [
                { seconds in try await cycles(on: cold, seconds: seconds) },
                { seconds in try rate(for: seconds) { try bare.runTrue() } },
                { seconds in try await lives(on: cold, seconds: seconds).start },
                { seconds in try await lives(on: warm, seconds: seconds).start },
                { seconds in try await lives(on: cold, seconds: seconds).end },
            ] + containers.map { peer in { seconds in try rate(for: seconds) { try peer.runTrue() } } })
        await cold.shutdown()
        await warm.shutdown()
        let (whole, bareTrue, coldTrue, warmTrue, end) = (medians[0], medians[1], medians[2], medians[3], medians[4])
        let flags = "bwrap with the same flags, true"
        var rows = [
            row("session: create, exec true, destroy (time)", whole, flags, bareTrue, .atMost(3)),
            row("session, cold: create to output of true (time)", coldTrue, flags, bareTrue, .atMost(1.5)),
            row(
                "session, warm: create to output of true (time)", warmTrue, "the aim, without the sync", 200, .atMost(1)
            ),
            row("session: destroy, empty (time)", end, "the aim, the kernel's part included", 1 / 0.015, .atMost(1)),
        ]
        for (peer, median) in zip(containers, medians.dropFirst(5)) {
            rows.append(row("session, cold: create to output of true (time)", coldTrue, peer.name, median, nil))
            rows.append(
                row("session, warm: create to output of true (time)", warmTrue, peer.name, median, peer.target))
        }
        return (rows, notes)
    }

    /// Both are rates; the ratio is that of the times.
    private static func row(_ name: String, _ ours: Double, _ peer: String, _ theirs: Double, _ target: Table.Target?)
        -> Table.Row
    {
        Table.Row(
            name: name, ours: rateText(ours), peer: peer, theirs: rateText(theirs), ratio: theirs / ours,
            target: target)
    }

    static func host(_ directory: String, warmPoolSize: Int) throws -> SandboxHost {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let logger = Logger(label: "nrx-bench") { _ in SwiftLogNoOpLogHandler() }
        return try SandboxHost(
            configuration: .init(stateDirectory: directory, warmPoolSize: warmPoolSize), logger: logger)
    }

    /// How often a second a session could come to the output of its first `true`, and be destroyed after it: the two
    /// timed apart. What lies between, such as waiting for the pool, does not count.
    private static func lives(on host: SandboxHost, seconds: Double) async throws -> (start: Double, end: Double) {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(seconds))
        let warm = host.warmCount
        var (starts, ends): ([Double], [Double]) = ([], [])
        while clock.now < end {
            while host.warmCount < warm { try await Task.sleep(for: .milliseconds(1)) }
            let began = clock.now
            let environment = try await host.create(specification())
            let result = try await environment.execute(ExecRequest(.arguments(["true"])))
            starts.append(began.duration(to: clock.now).inSeconds)
            guard result.exitCode == 0 else { throw BenchmarkError("true did not end with 0 in a session") }
            let ending = clock.now
            _ = try await environment.destroy()
            ends.append(ending.duration(to: clock.now).inSeconds)
        }
        return (1 / median(starts), 1 / median(ends))
    }

    /// A session that has run one command and waits for the next.
    static func idle(on host: SandboxHost) async throws -> SessionEnvironment {
        let environment = try await host.create(specification())
        _ = try await environment.execute(ExecRequest(.arguments(["true"])))
        return environment
    }

    static func specification() -> SessionSpecification {
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
