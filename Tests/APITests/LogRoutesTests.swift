import CanonicalJSON
import EventStore
import Foundation
import HTTPTypes
import Ledger
import Merkle
import ServerFixtures
import Testing

@testable import API

/// The log's tree as strangers see it.
@Suite("/v1/log", .timeLimit(.minutes(10)))
struct LogRoutesTests {
    /// Sign-ups until the log holds `events`, and a checkpoint over all of them.
    private func grow(_ server: TestServer, to events: UInt64) async throws -> Checkpoint {
        for number in 0..<(events / 2) { _ = try await server.signUp("a\(number)@example.com") }
        _ = try await server.server.log.signCheckpoint()
        let answer = try await server.send(.get, "/v1/log/checkpoint")
        return try Checkpoint(text: answer.text)
    }

    @Test("checkpoint, tiles and bundles have C2SP's paths and types; full ones are kept for ever, others are not")
    func tiles() async throws {
        try await TestServer.with { server in
            let checkpoint = try await grow(server, to: 300)
            try checkpoint.verify(with: server.server.log.verifierKey)
            let size = Int(checkpoint.head.size)
            #expect(size > 300)
            let note = try await server.send(.get, "/v1/log/checkpoint")
            #expect(note.headers["content-type"] == "text/plain; charset=utf-8")
            #expect(note.headers["cache-control"] == "no-cache")
            for path in ["tile/0/000", "tile/entries/000"] {
                let full = try await server.send(.get, "/v1/log/\(path)")
                #expect(full.status == 200)
                #expect(full.body.count == 256 * (path.contains("entries") ? 34 : 32))
                #expect(full.headers["content-type"] == "application/octet-stream")
                #expect(full.headers["cache-control"] == "public, max-age=31536000, immutable")
                let head = try await server.send(.head, "/v1/log/\(path)")
                #expect(head.status == 200 && head.body.isEmpty)
                #expect(head.headers["content-length"] == "\(full.body.count)")
            }
            let partial = try await server.send(.get, "/v1/log/tile/0/001.p/\(size - 256)")
            #expect(partial.body.count == (size - 256) * 32)
            #expect(partial.headers["cache-control"] == "no-cache")
            for path in ["tile/0/001", "tile/0/001.p/\(size - 255)", "tile/1/001", "tile/0/1", "tile/0/000/", "tile/"] {
                #expect(try await server.send(.get, "/v1/log/\(path)").status == 404, "\(path)")
            }
            #expect(try await server.send(.post, "/v1/log/tile/0/000").status == 405)
        }
    }

    @Test("the tree's root follows from the tiles alone, and the tiles from the bundles")
    func rootFromTiles() async throws {
        try await TestServer.with { server in
            let checkpoint = try await grow(server, to: 270)
            let size = Int(checkpoint.head.size)
            var leaves: [UInt8] = []
            var tree = CompactRange()
            for suffix in ["000", "001.p/\(size - 256)"] {
                leaves += try await server.send(.get, "/v1/log/tile/0/\(suffix)").body
                let bundle = try await server.send(.get, "/v1/log/tile/entries/\(suffix)").body
                for start in stride(from: 0, to: bundle.count, by: 34) {
                    #expect(bundle[start..<(start + 2)].elementsEqual([0, 32]))
                    tree.append(TreeHasher.leaf(try #require(Hash(bytes: bundle[(start + 2)..<(start + 34)]))))
                }
            }
            #expect(tree.root == checkpoint.head.root)
            var fromTiles = CompactRange()
            for start in stride(from: 0, to: leaves.count, by: 32) {
                fromTiles.append(try #require(Hash(bytes: leaves[start..<(start + 32)])))
            }
            #expect(fromTiles.root == checkpoint.head.root)
        }
    }

    @Test("inclusion and consistency proofs verify, at the checkpoint's size and at an older one")
    func proofs() async throws {
        try await TestServer.with { server in
            let old = try await grow(server, to: 20)
            _ = try await server.signUp("later@example.com")
            _ = try await server.server.log.signCheckpoint()
            let new = try Checkpoint(text: try await server.send(.get, "/v1/log/checkpoint").text)
            let included = try await server.send(.get, "/v1/log/inclusion?index=7")
            #expect(included["size"] == .integer(Int64(new.head.size)))
            let proof = try InclusionProof(text: try #require(included["tlog_proof"]?.string))
            #expect(proof.checkpoint == new)
            let event = try #require(try await server.server.log.read(from: 7, count: 1).first)
            try proof.verify(line: event.event.line(at: 7), key: server.server.log.verifierKey)
            let older = try await server.send(.get, "/v1/log/inclusion?index=7&size=\(old.head.size)")
            let leaf = try #require(hash(older["leaf_hash"]))
            let path = try #require(older["hashes"]?.array).compactMap(hash)
            #expect(
                MerkleProof.verifyInclusion(of: leaf, at: 7, size: old.head.size, root: old.head.root, path: path))
            #expect(older["tlog_proof"] == nil)
            let extended = try await server.send(.get, "/v1/log/consistency?from=\(old.head.size)&to=\(new.head.size)")
            let hashes = try #require(extended["hashes"]?.array).compactMap(hash)
            #expect(
                ConsistencyProof(oldSize: old.head.size, path: hashes, checkpoint: new).proves(extensionOf: old.head))
            #expect(try await server.send(.get, "/v1/log/consistency?from=0")["hashes"] == .array([]))
        }
    }

    @Test(
        "questions that cannot be answered say why",
        arguments: [
            ("inclusion", 400), ("inclusion?index=x", 400), ("inclusion?index=-1", 400), ("inclusion?index=01", 400),
            ("inclusion?index=1000", 404), ("inclusion?index=0&size=1000", 404), ("inclusion?index=0&size=0", 404),
            ("inclusion?index=18446744073709551616", 400), ("consistency", 400), ("consistency?from=2&to=1", 400),
            ("consistency?from=1&to=1000", 404), ("consistency?from=0x1", 400), ("nothing", 404),
        ])
    func refused(path: String, status: Int) async throws {
        try await TestServer.with { server in
            _ = try await grow(server, to: 4)
            let answer = try await server.send(.get, "/v1/log/\(path)")
            #expect(answer.status == status, "\(path): \(answer)")
            #expect(answer["message"]?.string?.isEmpty == false)
        }
    }

    @Test("nothing of an event's line leaves through /v1/log")
    func hashesOnly() async throws {
        try await TestServer.with { server in
            let checkpoint = try await grow(server, to: 4)
            let event = try #require(try await server.server.log.read(from: 1, count: 1).first)
            let size = checkpoint.head.size
            for path in [
                "tile/entries/000.p/\(size)", "tile/0/000.p/\(size)", "inclusion?index=1", "consistency?from=1",
            ] {
                let answer = try await server.send(.get, "/v1/log/\(path)")
                #expect(answer.status == 200)
                for secret in [event.event.id, event.event.stream, event.event.trace] {
                    #expect(!answer.text.contains(secret), "\(path)")
                }
            }
        }
    }

    private func hash(_ value: JSONValue?) -> Hash? {
        value?.string.flatMap { Data(base64Encoded: $0) }.flatMap { Hash(bytes: $0) }
    }
}

@Suite("Proofs with their inclusion", .timeLimit(.minutes(10)), .enabled(if: Isolation.isAvailable))
struct ProofWithInclusionTests {
    @Test("a stranger with the file and the log's key alone reaches provenance; without, or with another, not")
    func provenance() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            let ended = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
            let bare = try await server.send(.get, "/v1/proofs/\(session)", key: key)
            let answer = try await server.send(.get, "/v1/proofs/\(session)?include=inclusion", key: key)
            #expect(answer.names == ["cdp", "inclusion"])
            #expect(answer["cdp"]?.canonicalBytes == bare.body)
            #expect(answer["cdp"] == ended["cdp"])
            #expect(try await server.send(.get, "/v1/proofs/\(session)?include=all", key: key).status == 400)
            let file = server.directory.path + "/proof.json"
            try Data(answer.body).write(to: URL(filePath: file))
            let replay = try BuiltPrograms.path("nrx-replay")
            let verifierKey = server.server.log.verifierKey.description
            let good = try BuiltPrograms.run(replay, ["verify", file, "--log-key", verifierKey])
            #expect(good.status == 0, "\(good.text)\(good.errors)")
            #expect(good.text.contains("VERIFIED at the level of provenance"), "\(good.text)")
            let bareRun = try BuiltPrograms.run(replay, ["verify", file])
            #expect(bareRun.status == 0 && bareRun.text.contains("VERIFIED at the level of integrity"))
            let other = try #require(
                VerifierKey(name: server.server.log.origin, publicKey: [UInt8](repeating: 7, count: 32)))
            #expect(try BuiltPrograms.run(replay, ["verify", file, "--log-key", other.description]).status == 1)
        }
    }
}
