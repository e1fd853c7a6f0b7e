import CanonicalJSON
import EventStore
import Foundation
import HTTPTypes
import Ledger
import Merkle
import ServerFixtures
import Testing

@testable import API
@testable import Vault

@Suite("Rotating the log's key while the server runs", .timeLimit(.minutes(10)))
struct RunningRotationTests {
    private static func rotate(_ server: TestServer, _ body: JSONValue = [:]) async throws -> Answer {
        try await server.operate("POST", "/log-keys", body)
    }

    @Test(
        "the served checkpoint is by the new key at once, requests go on meanwhile, and everything before still holds")
    func atOnce() async throws {
        try await TestServer.with { server in
            let log = server.server.log
            let first = log.verifierKey
            let before = try Checkpoint(text: try await server.send(.get, "/v1/log/checkpoint").text)
            async let signUps: Void = withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask { _ = try await server.signUp("you\(number)@example.com") }
                }
                try await group.waitForAll()
            }
            var answers: [Answer] = []
            for _ in 0..<3 { answers.append(try await Self.rotate(server)) }
            try await signUps
            #expect(answers.allSatisfy { $0.status == 201 }, "\(answers)")
            #expect(answers[0]["old_verifier_key"] == .string(first.description))
            #expect(answers[1]["old_verifier_key"] == answers[0]["new_verifier_key"])
            let served = try Checkpoint(text: try await server.send(.get, "/v1/log/checkpoint").text)
            try served.verify(with: log.verifierKey)
            #expect(answers[2]["new_verifier_key"] == .string(log.verifierKey.description))
            #expect(served.head.size > UInt64(try #require(answers[2]["last_size"]?.integer)))
            try log.keys.verify(before)
            // The rules saw the events, too: what follows is decided on the right place.
            _ = try await server.signUp("after@example.com")
            #expect(server.server.ledger.read { $0.logKeys } == log.keys)
            #expect(try server.server.vault.nextLogKey() == nil)
            #expect(server.server.vault.verifierKey == log.verifierKey)
        }
    }

    @Test("a recovery key can be named with it, and stays with the next one; nonsense is refused and changes nothing")
    func recoveryKey() async throws {
        try await TestServer.with { server in
            let log = server.server.log
            let key = try RecoveryKey.make(at: server.directory.path + "/recovery.key", name: "r").verifierKey
            let bad = try await Self.rotate(server, ["recovery_key": "nonsense"])
            #expect(bad.status == 400 && log.keys.periods.count == 1, "\(bad)")
            let named = try await Self.rotate(server, ["recovery_key": .string(key.description)])
            #expect(named.status == 201 && named["recovery_key"] == .string(key.description), "\(named)")
            #expect(try await Self.rotate(server)["recovery_key"] == .string(key.description))
            #expect(log.keys.recoveryKey == key && log.keys.periods.count == 3)
        }
    }

    @Test("two rotations at the same time: each that is answered happened, the others say that one is under way")
    func atTheSameTime() async throws {
        try await TestServer.with { server in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<6 { group.addTask { try await Self.rotate(server).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.allSatisfy { $0 == 201 || $0 == 409 }, "\(statuses)")
            #expect(server.server.log.rotations.count == statuses.count { $0 == 201 })
            #expect(statuses.contains(201))
        }
    }

    @Test(
        "a witness that knows the old key only: what it cosigned is published no more; once it knows the new key it is")
    func witness() async throws {
        try await TestServer.with { server in
            let witness = try TestWitness()
            let log = server.server.log
            witness.trust(log.verifierKey)
            try await witness.serve { url in
                let client = WitnessClient(
                    witnesses: [try Witness("\(url)=\(witness.key)")], log: log, logger: TestServer.quiet)
                _ = try await log.signCheckpoint()
                await client.askAll()
                let late = try #require(log.cosignedCheckpoint)
                #expect(try await Self.rotate(server).status == 201)
                func published() async throws -> Checkpoint {
                    try Checkpoint(text: try await server.send(.get, "/v1/log/checkpoint").text)
                }
                await client.askAll()
                try await published().verify(with: log.verifierKey)
                #expect(try await published().cosigned(by: witness.key) == nil)
                // A cosignature of before that arrives late does not bring the old checkpoint back.
                try await log.keepCosigned(late)
                #expect(log.cosignedCheckpoint == nil)
                // A proof of an old event is under the new key as well.
                try await log.inclusionProof(of: 0).checkpoint.verify(with: log.verifierKey)
                witness.trust(log.verifierKey)
                _ = try await server.signUp()
                _ = try await log.signCheckpoint()
                await client.askAll()
                #expect(try await published().cosigned(by: witness.key) != nil)
                try await published().verify(with: log.verifierKey)
                await client.finish()
            }
        }
    }

    /// Every checkpoint that anybody could have seen, and where the server's files are.
    private struct Seen {
        var checkpoints: [Checkpoint] = []

        mutating func look(_ log: EventLog, _ directory: String) throws {
            if let checkpoint = log.checkpoint { checkpoints.append(checkpoint) }
            let text = try String(contentsOfFile: directory + "/log/checkpoint", encoding: .utf8)
            checkpoints.append(try Checkpoint(text: text))
        }
    }

    @Test("killed at any change of the disk: the next start goes on with one history, under the old key or the new one")
    func killedBetweenSteps() async throws {
        var isWhole = false
        var changes = 0
        var outcomes: Set<Bool> = []
        while !isWhole {
            let directory = try TemporaryDirectory()
            var seen = Seen()
            isWhole = try await rotateAndDie(after: changes, directory, &seen)
            let server = try await start(directory, BreakableDisk())
            let log = server.log
            outcomes.insert(log.rotations.count == 1)
            #expect(server.vault.verifierKey == log.verifierKey, "after \(changes) changes")
            #expect(isWhole ? log.rotations.count == 1 : log.rotations.count <= 1)
            // What was interrupted is finished by another rotation, whichever way it went.
            _ = try await server.rotator.rotate(naming: nil, at: SystemClock.now())
            let rotations = log.rotations.count
            try seen.look(log, directory.path)
            try await server.stop()
            let keys = try #require(try LogKeyHistory.read(from: directory.path + "/log"))
            #expect(keys.rotations.count == rotations)
            let sizes = Set(seen.checkpoints.map(\.head.size))
            let roots = try LogScanner(directory: directory.path + "/log").scan(rootsAt: sizes) { _ in }.roots
            for checkpoint in seen.checkpoints {
                try keys.verify(checkpoint)
                #expect(roots[checkpoint.head.size] == checkpoint.head.root, "two histories after \(changes) changes")
            }
            changes += 1
        }
        // Some deaths came before the event was there, some after.
        #expect(outcomes == [true, false] && changes > 4)
    }

    private func start(_ directory: TemporaryDirectory, _ disk: BreakableDisk) async throws -> Server {
        var configuration = ServerConfiguration()
        configuration.dataDirectory = directory.path
        configuration.segmentBytes = 1 << 20
        configuration.warmPoolSize = 0
        configuration.initPath = directory.path + "/no-init"
        return try await Server.start(
            configuration: configuration, surroundings: Surroundings(fileSystem: disk), logger: TestServer.quiet)
    }

    /// - Returns: whether the rotation was over before the disk died.
    private func rotateAndDie(
        after changes: Int, _ directory: TemporaryDirectory, _ seen: inout Seen
    ) async throws -> Bool {
        let disk = BreakableDisk()
        let server = try await start(directory, disk)
        _ = try await server.log.signCheckpoint()
        try seen.look(server.log, directory.path)
        disk.die(after: changes)
        var isWhole = true
        do { _ = try await server.rotator.rotate(naming: nil, at: SystemClock.now()) } catch { isWhole = false }
        isWhole = isWhole && !disk.isBroken
        try seen.look(server.log, directory.path)
        // A dead process writes nothing more; this one only lets go of its files.
        disk.die(after: 0)
        do { try await server.stop() } catch {}
        return isWhole
    }
}
