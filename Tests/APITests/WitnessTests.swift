import EventStore
import Foundation
import HTTPTypes
import Logging
import Merkle
import ServerFixtures
import Testing

@testable import API

@Suite("Witness cosignatures", .timeLimit(.minutes(10)))
struct WitnessTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func makeClient(_ server: TestServer, _ witnesses: [(url: String, key: WitnessKey)]) throws -> WitnessClient
    {
        WitnessClient(
            witnesses: try witnesses.map { try Witness("\($0.url)=\($0.key)") }, log: server.server.log,
            logger: Self.quiet)
    }

    @Test("checkpoints are cosigned as the log grows, kept beside the log, and published with their cosignatures")
    func cosigned() async throws {
        try await TestServer.with { server in
            let witness = try TestWitness()
            let log = server.server.log
            witness.trust(log.verifierKey)
            try await witness.serve { url in
                let client = try makeClient(server, [(url, witness.key)])
                for number in 0..<3 {
                    _ = try await server.signUp("a\(number)@example.com")
                    let checkpoint = try await log.signCheckpoint()
                    await client.askAll()
                    let cosigned = try #require(log.cosignedCheckpoint)
                    #expect(cosigned.head == checkpoint.head)
                    #expect(try cosigned.cosigned(by: witness.key) == 1_772_373_600)
                    #expect(witness.head == checkpoint.head)
                }
                #expect(witness.statuses == [200, 200, 200])
                // Nothing new: nobody is asked.
                await client.askAll()
                #expect(witness.statuses.count == 3)
                let kept = try String(
                    contentsOfFile: server.directory.path + "/log/checkpoint.cosigned", encoding: .utf8)
                #expect(try Checkpoint(text: kept) == log.cosignedCheckpoint)
                let published = try Checkpoint(text: try await server.send(.get, "/v1/log/checkpoint").text)
                #expect(try published.cosigned(by: witness.key) != nil)
                let proof = try await log.inclusionProof(of: 1)
                #expect(try proof.checkpoint.cosigned(by: witness.key) != nil)
                await client.finish()
            }
        }
    }

    @Test("a witness that stands at another size says so, and is asked again from there")
    func conflict() async throws {
        try await TestServer.with { server in
            let witness = try TestWitness()
            let log = server.server.log
            witness.trust(log.verifierKey)
            _ = try await server.signUp()
            let first = try await log.signCheckpoint()
            witness.remember(first.head)
            _ = try await server.signUp("b@example.com")
            _ = try await log.signCheckpoint()
            try await witness.serve { url in
                let client = try makeClient(server, [(url, witness.key)])
                await client.askAll()
                #expect(witness.statuses == [409, 200])
                #expect(log.cosignedCheckpoint?.head == log.head)
                await client.finish()
            }
        }
    }

    @Test("a witness that has seen more than the log has, or another history, gets no say and is not believed")
    func ahead() async throws {
        try await TestServer.with { server in
            let witness = try TestWitness()
            let log = server.server.log
            witness.trust(log.verifierKey)
            _ = try await server.signUp()
            let head = try await log.signCheckpoint().head
            for memory in [
                TreeHead(size: head.size + 5, root: head.root), TreeHead(size: head.size, root: TreeHasher.emptyRoot),
            ] {
                witness.remember(memory)
                try await witness.serve { url in
                    let client = try makeClient(server, [(url, witness.key)])
                    await client.askAll()
                    #expect(log.cosignedCheckpoint == nil)
                    #expect(witness.head == memory)
                    await client.finish()
                }
            }
            #expect(!witness.statuses.contains(200))
        }
    }

    @Test("a cosignature that does not verify is not kept, nor one by another key")
    func badCosignature() async throws {
        try await TestServer.with { server in
            let (witness, other) = (try TestWitness(), try TestWitness(seed: 41))
            let log = server.server.log
            witness.trust(log.verifierKey)
            _ = try await log.signCheckpoint()
            try await witness.serve { url in
                let client = try makeClient(server, [(url, other.key)])
                await client.askAll()
                #expect(log.cosignedCheckpoint == nil)
                await client.finish()
                witness.lie()
                witness.remember(nil)
                let lied = try makeClient(server, [(url, witness.key)])
                await lied.askAll()
                #expect(log.cosignedCheckpoint == nil)
                await lied.finish()
            }
        }
    }

    @Test("one witness that is away does not keep the other's cosignature from being kept")
    func oneAway() async throws {
        try await TestServer.with { server in
            let (witness, away) = (try TestWitness(), try TestWitness(name: "witness.example/w2", seed: 41))
            let log = server.server.log
            witness.trust(log.verifierKey)
            _ = try await log.signCheckpoint()
            try await witness.serve { url in
                let client = try makeClient(server, [(url, witness.key), ("http://127.0.0.1:1", away.key)])
                await client.askAll()
                let cosigned = try #require(log.cosignedCheckpoint)
                #expect(try cosigned.cosigned(by: witness.key) != nil)
                #expect(try cosigned.cosigned(by: away.key) == nil)
                await client.finish()
            }
        }
    }

    @Test(
        "--witness is read as URL=VKEY, and refused otherwise with the reason",
        arguments: ["", "x", "http://a=b", "ftp://a"])
    func option(text: String) throws {
        #expect(throws: ServerError.self) { try Witness(text) }
        let key = try TestWitness().key
        #expect(try Witness("https://w.example/x/=\(key)").url == "https://w.example/x")
    }

    @Test("a whole server asks its witnesses by itself, the last time when it stops")
    func wholeServer() async throws {
        let witness = try TestWitness()
        let directory = try ServerFixtures.TemporaryDirectory()
        try await witness.serve { url in
            var configuration = ServerConfiguration()
            configuration.dataDirectory = directory.path
            configuration.warmPoolSize = 0
            configuration.initPath = directory.path + "/no-init"
            configuration.witnesses = [try Witness("\(url)=\(witness.key)")]
            let server = try await Server.start(configuration: configuration, logger: Self.quiet)
            witness.trust(server.log.verifierKey)
            try await server.stop()
            #expect(witness.head == server.log.head)
        }
        let text = try String(contentsOfFile: directory.path + "/log/checkpoint.cosigned", encoding: .utf8)
        #expect(try Checkpoint(text: text).cosigned(by: witness.key) != nil)
        // What auditors make of it: the quorum decides.
        let replay = try BuiltPrograms.path("nrx-replay")
        let vkey = try #require(
            try LogKeyHistory.read(from: directory.path + "/log")?.current.description)
        let stranger = try TestWitness(name: "witness.example/w2", seed: 41).key
        for (quorum, status) in [("W1", Int32(0)), ("W2", 3), ("any", 0), ("both", 3), ("none", 0)] {
            let policy = directory.path + "/policy"
            try """
            # who must have seen this log
            log \(vkey)
            witness W1 \(witness.key) https://witness.example/w1
            witness W2 \(stranger)
            \(quorum == "any" || quorum == "both" ? "group \(quorum) \(quorum == "any" ? "1" : "all") W1 W2" : "")
            quorum \(quorum)

            """.write(toFile: policy, atomically: true, encoding: .utf8)
            let run = try BuiltPrograms.run(replay, ["audit", directory.path + "/log", "--policy", policy])
            #expect(run.status == status, "quorum \(quorum): \(run.text)\(run.errors)")
        }
    }
}
