import Crypto
import Foundation
import Merkle
import Testing

@testable import EventStore

@Suite("Trust policies, C2SP tlog-policy")
struct TrustPolicyTests {
    private let log: VerifierKey
    private let keys: [WitnessKey]
    private let private25519: [Curve25519.Signing.PrivateKey]

    init() throws {
        log = try TestSigner().verifierKey
        private25519 = try (1...4).map { seed in
            try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](repeating: UInt8(seed), count: 32))
        }
        keys = try private25519.enumerated().map { index, key in
            try #require(
                WitnessKey(name: "witness.example/w\(index + 1)", publicKey: Array(key.publicKey.rawRepresentation)))
        }
    }

    private var witnessLines: String {
        keys.enumerated().map { "witness W\($0.offset + 1) \($0.element)\n" }.joined()
    }

    private func checkpoint(cosignedBy witnesses: [Int]) throws -> Checkpoint {
        let head = TreeHead(size: 5, root: Hash(of: [1]))
        let signed = try Checkpoint(origin: log.name, head: head, signer: try TestSigner())
        return signed.adding(
            try witnesses.map { index in
                let message = WitnessKey.message(at: 77, over: signed)
                return keys[index].line(at: 77, signature: Array(try private25519[index].signature(for: message)))
            })
    }

    @Test("nested groups decide as C2SP's example does")
    func groups() throws {
        let policy = try TrustPolicy(
            text: """
                # who must have seen it
                log \(log) https://ledger.example/v1/log
                \(witnessLines)
                group X 2 W1 W2 W3
                \tgroup Y any  W4
                group both all X Y
                quorum both

                """)
        #expect(policy.logs == [log])
        #expect(policy.witnesses.map(\.name) == ["W1", "W2", "W3", "W4"])
        for (cosigners, isEnough) in [
            ([0, 1, 3], true), ([1, 2, 3], true), ([0, 1, 2], false), ([0, 3], false), ([], false),
            ([0, 1, 2, 3], true),
        ] {
            let found = try policy.cosigners(of: try checkpoint(cosignedBy: cosigners))
            #expect(Set(found.keys) == Set(cosigners.map { "W\($0 + 1)" }))
            #expect(found.values.allSatisfy { $0 == 77 })
            #expect(policy.isQuorum(found.keys) == isEnough, "\(cosigners)")
        }
    }

    @Test("a cosignature that was altered anywhere, or stands under another checkpoint, is refused by name")
    func altered() throws {
        let policy = try TrustPolicy(text: witnessLines + "quorum W1\n")
        let good = try checkpoint(cosignedBy: [0])
        let line = try #require(good.signatures.last)
        for index in line.bytes.indices {
            var bytes = line.bytes
            bytes[index] ^= 1
            let changed = good.withoutCosignatures.adding([.init(name: line.name, keyID: line.keyID, bytes: bytes)])
            #expect(throws: NoteError.badSignature(by: line.name), "byte \(index)") {
                try policy.cosigners(of: changed)
            }
        }
        let other = try Checkpoint(
            origin: log.name, head: TreeHead(size: 6, root: good.head.root), signer: try TestSigner()
        ).adding([line])
        #expect(throws: NoteError.badSignature(by: line.name)) { try policy.cosigners(of: other) }
        // A line of somebody else is nobody's business.
        let stranger = good.adding([.init(name: "stranger.example", keyID: [1, 2, 3, 4], bytes: [5])])
        #expect(try policy.cosigners(of: try Checkpoint(text: stranger.text)).keys.sorted() == ["W1"])
    }

    @Test(
        "what is off is refused with its line",
        arguments: [
            ("", nil), ("quorum none\nquorum none\n", 2), ("quorum W9\n", 1),
            ("witness none WITNESS1\nquorum none\n", 1),
            ("witness A WITNESS1\nwitness B WITNESS1\nquorum A\n", 2), ("witness A LOG\nquorum A\n", 1),
            ("log WITNESS1\nquorum none\n", 1), ("log LOG\nlog LOG\nquorum none\n", 2), ("quorum\n", 1),
            ("witness A WITNESS1\ngroup g 2 A\nquorum g\n", 2), ("witness A WITNESS1\ngroup g 0 A\nquorum g\n", 2),
            ("witness A WITNESS1\ngroup g 01 A\nquorum g\n", 2), ("witness A WITNESS1\ngroup g all A A\nquorum g\n", 2),
            ("group g all A\nwitness A WITNESS1\nquorum g\n", 1),
            ("witness A WITNESS1\ngroup g any none\nquorum g\n", 2),
            ("witness A WITNESS1\ngroup g any A\ngroup h any A\nquorum h\n", 3), ("trust me\nquorum none\n", 1),
            ("quorum none\r\n", nil), ("group g any\nquorum none\n", 1),
        ] as [(String, Int?)])
    func refused(text: String, line: Int?) throws {
        let filled = text.replacing("WITNESS1", with: keys[0].description).replacing("LOG", with: log.description)
        let error = #expect(throws: PolicyError.self) { try TrustPolicy(text: filled) }
        #expect(error?.line == line, "\(error?.description ?? "")")
    }

    @Test("a witness's key is read as it is printed, and a log's key is none")
    func keyText() throws {
        for key in keys { #expect(WitnessKey(key.description) == key) }
        #expect(WitnessKey(log.description) == nil)
        #expect(VerifierKey(keys[0].description) == nil)
    }
}
