import CanonicalJSON
import Foundation
import LedgerFixtures
import ServerFixtures
import Testing

/// A server that dies while it erases: afterwards the customer is there whole, or gone for good.
@Suite("Erasure across a crash", .serialized, .timeLimit(.minutes(10)))
struct ErasureCrashTests {
    private static let kills = 10

    @Test(
        "killed at the event, or at a random moment: what the log says is what the vault holds, and the audit is clean")
    func killed() async throws {
        let directory = try TemporaryDirectory()
        var generator = SeededGenerator(seed: 6)
        var server = try await ServerProcess.start(in: directory)
        var erased = 0
        for number in 0..<Self.kills {
            let email = "you\(number)@company.com"
            let (customer, key) = try await Self.signUp(server, email)
            let before = try directory.count("customer.erased")
            let asked = server
            let request = Task { try? await Self.erase(asked, customer, key) }
            if number.isMultiple(of: 2) {
                // The moment at which the event is on the disk and the data key may not be deleted yet.
                while try directory.count("customer.erased") == before { await Task.yield() }
            } else {
                // Not a wait for something to happen: the moment of the failure is random on purpose.
                try await Task.sleep(for: .microseconds(Int.random(in: 0...8_000, using: &generator)))
            }
            await server.kill9()
            let answer = await request.value
            server = try await ServerProcess.start(in: directory)
            let isErased = try directory.count("customer.erased") == before + 1
            if answer?.status == 200 { #expect(isErased, "kill \(number): acknowledged and not in the log") }
            #expect(try directory.vaultHolds(customer) == !isErased, "kill \(number)")
            let status = try await server.send("GET", "/v1/customers/me", key: key).status
            #expect(status == (isErased ? 401 : 200), "kill \(number)")
            erased += isErased ? 1 : 0
            if !isErased { #expect(try await Self.erase(server, customer, key).status == 200) }
            let (again, _) = try await Self.signUp(server, email)
            #expect(again != customer)
        }
        #expect(erased >= Self.kills / 2)
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("after \(Self.kills) kills")
    }

    @Test(
        "a vault put back from a backup is erased again at the start; proofs, log and projections still verify",
        .enabled(if: Isolation.isAvailable))
    func restoredVault() async throws {
        let directory = try TemporaryDirectory()
        var server = try await ServerProcess.start(in: directory)
        let (customer, key) = try await Self.signUp(server, "you@company.com")
        let (_, other) = try await Self.signUp(server, "other@company.com")
        let session = try await server.createSession(key)
        _ = try await server.execute("echo secret > file", in: session, key: key)
        #expect(await server.stop() == 0)
        let (vault, backup) = (directory.path + "/data/vault", directory.path + "/vault-backup")
        try FileManager.default.copyItem(atPath: vault, toPath: backup)

        server = try await ServerProcess.start(in: directory)
        let another = try await server.createSession(key)
        let erased = try await Self.erase(server, customer, key)
        #expect(erased.status == 200, "\(erased)")
        let proof = try #require(erased["cdps"]?.array?.first)
        #expect(proof["session_id"] == .string(another))
        #expect(await server.stop() == 0)
        #expect(try !directory.vaultHolds(customer))

        try FileManager.default.removeItem(atPath: vault)
        try FileManager.default.copyItem(atPath: backup, toPath: vault)
        #expect(try directory.vaultHolds(customer))
        server = try await ServerProcess.start(in: directory)
        #expect(try directory.vaultHolds(customer) == false)
        #expect(try await server.send("GET", "/v1/customers/me", key: key).status == 401)
        #expect(try await server.send("GET", "/v1/customers/me", key: other)["email"] == "other@company.com")
        _ = try await Self.signUp(server, "you@company.com")
        #expect(await server.stop() == 0)

        try directory.expectCleanAudit("at the end")
        let replay = try BuiltPrograms.path("nrx-replay")
        let file = directory.path + "/cdp.json"
        try Data(proof.canonicalBytes).write(to: URL(filePath: file))
        let verified = try BuiltPrograms.run(replay, ["verify", file, "--log", directory.log])
        #expect(
            [0, 3].contains(verified.status) && verified.text.contains("history"), "\(verified.text)\(verified.errors)")
        let diff = try BuiltPrograms.run(
            replay, ["diff", directory.path + "/data/projections.sqlite", "--log", directory.log])
        #expect(diff.status == 0, "\(diff.text)\(diff.errors)")
    }

    private static func signUp(_ server: ServerProcess, _ email: String) async throws -> (customer: String, key: String)
    {
        let answer = try await server.send("POST", "/v1/signup", ["email": .string(email)])
        try #require(answer.status == 201, "\(answer)")
        return (try #require(answer["customer_id"]?.string), try #require(answer["api_key"]?.string))
    }

    private static func erase(_ server: ServerProcess, _ customer: String, _ key: String) async throws -> Answer {
        try await server.send("DELETE", "/v1/customers/me", key: key, ["confirm": .string(customer)])
    }
}

extension TemporaryDirectory {
    /// How many events of a type the log holds; what is being written at this very moment does not count yet.
    fileprivate func count(_ type: String) throws -> Int {
        let shell = try BuiltPrograms.run(
            "/bin/bash", ["-c", "cat '\(log)'/*.jsonl.lz4 | lz4 -dc 2>/dev/null | grep -c '\"type\":\"\(type)\"'"])
        return Int(shell.text.split(separator: "\n").first ?? "") ?? 0
    }

    /// Whether the customer's data key is in the vault's files, the write-ahead log included: its row begins with the id.
    fileprivate func vaultHolds(_ customer: String) throws -> Bool {
        try files().contains { $0.path.contains("/data/vault/") && $0.content.range(of: Data(customer.utf8)) != nil }
    }
}
