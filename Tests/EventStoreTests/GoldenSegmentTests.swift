import CanonicalJSON
import Foundation
import Merkle
import Testing

@testable import EventStore

@Suite("The golden segment, made by an independent script")
struct GoldenSegmentTests {
    static let name = "00000000000000000000.jsonl.lz4"

    @Test("is read: every line, and the root of seven events")
    func read() throws {
        let lines = try #require(Fixtures.json("merkle.json")["lines"]?.array).compactMap(\.string)
        let directory = try TemporaryDirectory()
        try Data(Fixtures.bytes(Self.name)).write(to: URL(filePath: directory.path + "/" + Self.name))
        var found: [String] = []
        let scan = try LogScanner(directory: directory.path).scan { batch in
            for envelope in try batch.envelopes() {
                found.append(String(decoding: envelope.event.line(at: envelope.sequence), as: UTF8.self))
            }
        }
        #expect(found == lines)
        #expect(scan.damage == nil)
        #expect(scan.tail == .clean)
        let roots = try #require(Fixtures.json("merkle.json")["roots_hex_by_size"]?.array)
        #expect(scan.tree.root.hex == roots[7].string)
    }

    @Test("is made again, byte for byte, from its events")
    func write() throws {
        let lines = try #require(Fixtures.json("merkle.json")["lines"]?.array).compactMap(\.string)
        let events = try lines.map { line in
            try Array(line.utf8).withUnsafeBufferPointer { EncodedEvent(try Envelope(line: $0).event) }
        }
        var encoder = BatchEncoder(tree: CompactRange())
        var growth = TreeGrowth()
        let committed = Timestamp(microseconds: 1_772_373_600_000_000)
        var bytes = try encoder.encode(Array(events[..<4]), at: committed, grown: &growth).bytes
        bytes += try encoder.encode(Array(events[4...]), at: committed.adding(microseconds: 4), grown: &growth).bytes
        bytes += Filler.header(covering: 8192 - bytes.count)
        bytes += [UInt8](repeating: 0, count: 8192 - bytes.count)
        #expect(bytes == (try Fixtures.bytes(Self.name)))
        let commitments = try #require(Fixtures.json("merkle.json")["commitments_hex"]?.array)
        #expect(growth.commitments.map(\.hex) == commitments.compactMap(\.string))
    }
}

@Suite("The golden checkpoint and inclusion proof, accepted by Go's sumdb packages")
struct GoldenCheckpointTests {
    @Test("the checkpoint is read, verified and made again from its key")
    func checkpoint() throws {
        let trace = try Fixtures.json("checkpoint-trace.json")
        let text = try Fixtures.text("checkpoint.txt")
        let keyText = try #require(trace["verifier_key"]?.string)
        let key = try #require(VerifierKey(keyText))
        let checkpoint = try Checkpoint(text: text)
        try checkpoint.verify(with: key)
        #expect(checkpoint.body == trace["signed_text"]?.string)
        #expect(key.keyID.lowerCaseHex == trace["key_id_hex"]?.string)
        let signer = try TestSigner()
        #expect(signer.verifierKey.description == trace["verifier_key"]?.string)
        #expect(try Checkpoint(origin: "ledger.example/log", head: checkpoint.head, signer: signer).text == text)
    }

    @Test("a checkpoint with one changed byte is refused, whichever byte it is")
    func changedCheckpoint() throws {
        let bytes = try Fixtures.bytes("checkpoint.txt")
        let key = try TestSigner().verifierKey
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            guard let text = String(validating: changed, as: UTF8.self) else { continue }
            #expect(throws: NoteError.self, "byte \(index)") { try Checkpoint(text: text).verify(with: key) }
        }
    }

    @Test("the inclusion proof is read, verified for its own event only, and written again")
    func inclusionProof() throws {
        let text = try Fixtures.text("index-3.tlog-proof")
        let lines = try #require(Fixtures.json("merkle.json")["lines"]?.array).compactMap(\.string)
        let proof = try InclusionProof(text: text)
        #expect(proof.text == text)
        let key = try TestSigner().verifierKey
        for (index, line) in lines.enumerated() {
            if index == 3 {
                try proof.verify(line: Array(line.utf8), key: key)
            } else {
                #expect(throws: NoteError.self) { try proof.verify(line: Array(line.utf8), key: key) }
            }
        }
    }

    @Test("a verifier key with a wrong key id, name or base64 is refused")
    func verifierKey() throws {
        let good = try TestSigner().verifierKey.description
        #expect(VerifierKey(good) != nil)
        #expect(VerifierKey(good.replacing("ledger", with: "lodger")) == nil)
        #expect(VerifierKey(good.replacing("48fcf147", with: "48fcf148")) == nil)
        #expect(VerifierKey(String(good.dropLast())) == nil)
        #expect(VerifierKey("a b+48fcf147+AQ==") == nil)
    }
}
