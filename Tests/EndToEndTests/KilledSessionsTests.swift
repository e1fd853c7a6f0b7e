import CanonicalJSON
import Foundation
import LedgerFixtures
import ServerFixtures
import Testing

/// `kill -9` at moments all over the lives of sessions: what the next server says of them, and what is left of them.
@Suite("Sessions whose server was killed", .serialized)
struct KilledSessionsTests {
    private static let kills = 30
    /// Beside the session that the kill is aimed at.
    private static let bystanders = 1

    @Test(
        "killed at thirty moments of sessions' lives: each session ends truthfully, and nothing of it is left",
        .enabled(if: Isolation.isAvailable), .timeLimit(.minutes(10)))
    func thirtyKills() async throws {
        let directory = try TemporaryDirectory()
        let start = ContinuousClock.now
        var generator = SeededGenerator(seed: 30)
        var server = try await ServerProcess.start(in: directory, ["--log-level", "error"])
        let state = try Self.stateFiles(directory)
        var judged = FinalStates()
        for number in 0..<Self.kills {
            let moment = SessionLife.Moment.allCases[number % SessionLife.Moment.allCases.count]
            let delay = Duration.microseconds(Int.random(in: 0...moment.microseconds, using: &generator))
            let witness = LifeWitness()
            let processes = try await kill(
                server, at: moment, after: delay, isWatched: number.isMultiple(of: 2), number: number, witness: witness)
            // Every third server keeps environments ready, which a kill leaves behind too.
            let options = ["--log-level", "error", "--warm-pool", number.isMultiple(of: 3) ? "2" : "0"]
            server = try await ServerProcess.start(in: directory, options)
            let place = "kill \(number): \(moment) + \(delay)"
            #expect(processes.filter(SessionTraces.isAlive) == [], "\(place): processes are left")
            #expect(try SessionTraces.mounts() == [], "\(place): mounts are left")
            #expect(try Self.stateFiles(directory) == state, "\(place): files are left")
            if options.last == "0" {
                #expect(try SessionTraces.cgroups(of: directory) == [], "\(place): cgroups are left")
            }
            try await judged.judge(witness, at: server, directory, place)
        }
        #expect(await server.stop() == 0)
        #expect(try SessionTraces.cgroups(of: directory) == [])
        try directory.expectCleanAudit("after thirty kills")
        #expect((judged.counts["destroyed"] ?? 0) >= Self.kills)
        #expect((judged.counts["expired_unclean"] ?? 0) > 0)
        print("sessions by final state: \(judged.counts), in \(ContinuousClock.now - start)")
    }

    /// Runs sessions until one of them is at `moment`, waits `delay`, and kills the server.
    ///
    /// - Parameter isWatched: stops the server first, for long enough to list the processes that descend from it.
    /// - Returns: those processes.
    private func kill(
        _ server: ServerProcess, at moment: SessionLife.Moment, after delay: Duration, isWatched: Bool, number: Int,
        witness: LifeWitness
    ) async throws -> [Int32] {
        // One whole life first, so that each kill has a proof to keep.
        let first = try await SessionLife(server, email: "first\(number)@company.com", witness: witness)
        try await first.live()
        let aim = try await SessionLife(server, email: "aim\(number)@company.com", witness: witness)
        var others: [SessionLife] = []
        for other in 0..<Self.bystanders {
            others.append(try await SessionLife(server, email: "k\(number)o\(other)@company.com", witness: witness))
        }
        let (reached, source) = AsyncStream<Void>.makeStream()
        return try await withThrowingTaskGroup(of: [Int32].self) { group in
            for life in others {
                group.addTask {
                    // Until the server is gone.
                    do { while true { try await life.live() } } catch { return [] }
                }
            }
            group.addTask {
                defer { source.finish() }
                do { try await aim.live { if $0 == moment { source.yield() } } } catch { return [] }
                return []
            }
            group.addTask {
                for await _ in reached { break }
                // Not a wait for something to happen: the moment of the failure is random on purpose.
                try await Task.sleep(for: delay)
                if isWatched { Foundation.kill(server.process.processIdentifier, SIGSTOP) }
                let processes = isWatched ? try server.descendants() : []
                await server.kill9()
                return processes
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// What the sandbox keeps on disk: nothing that belongs to a session.
    private static func stateFiles(_ directory: TemporaryDirectory) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: directory.path + "/data/sandbox").sorted()
    }
}

/// How the sessions ended that the log knows, judged once each.
private struct FinalStates {
    private var known: Set<String> = []
    private(set) var counts: [String: Int] = [:]

    /// Judges every session that is new in the log.
    mutating func judge(
        _ witness: LifeWitness, at server: ServerProcess, _ directory: TemporaryDirectory, _ place: String
    ) async throws {
        let program = try BuiltPrograms.path("nrx-replay")
        let export = try BuiltPrograms.run(program, ["export", directory.log, "--type", "session.created"])
        try #require(export.status == 0, "\(place): \(export.errors)")
        for line in export.text.split(separator: "\n") {
            let event = try JSONReader.read(Array(line.utf8))
            let session = try #require(event["stream"]?.string)
            guard known.insert(session).inserted else { continue }
            let customer = try #require(event["data"]?["customer_id"]?.string)
            let key = try #require(witness.key(of: customer), "\(place): \(session) belongs to nobody")
            try await judge(session, key, witness, at: server, place)
        }
        for session in witness.created { #expect(known.contains(session), "\(place): \(session) was lost") }
    }

    private mutating func judge(
        _ session: String, _ key: String, _ witness: LifeWitness, at server: ServerProcess, _ place: String
    ) async throws {
        let status = try #require(try await server.send("GET", "/v1/sessions/\(session)", key: key)["status"]?.string)
        counts[status, default: 0] += 1
        #expect(["destroyed", "expired", "expired_unclean"].contains(status), "\(place): \(session) is \(status)")
        let proof = try await server.send("GET", "/v1/proofs/\(session)", key: key)
        #expect(proof.status == (status == "expired_unclean" ? 404 : 200), "\(place): \(session), \(status): \(proof)")
        if proof.status == 200 {
            let verdict = try await server.send("POST", "/v1/verify", bytes: proof.body)
            #expect(verdict["valid"] == true, "\(place): \(verdict)")
        }
        if let acknowledged = witness.proof(of: session) {
            #expect(status == "destroyed" && proof.json == acknowledged, "\(place): an acknowledged proof has changed")
        }
        let refused = try await server.execute("true", in: session, key: key)
        #expect(refused.status == 409, "\(place): \(refused)")
        let customer = try await server.send("GET", "/v1/customers/me", key: key)
        #expect(customer["sessions_used"] == 0, "\(place): \(customer)")
    }
}
