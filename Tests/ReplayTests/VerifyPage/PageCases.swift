import CanonicalJSON
import EventStore
import Foundation
import Ledger
import LedgerFixtures
import Merkle
import Testing

@testable import Proofs
@testable import Replay

/// Genuine proofs of all kinds, and mutations of each part of them: the same ones every time but for the keys.
struct PageCases {
    private(set) var all: [PageCase] = []
    private var generator = SeededGenerator(seed: 9)

    /// Makes all of them.
    static func make() async throws -> [PageCase] {
        var cases = PageCases()
        try cases.addGoldenProofs()
        try cases.addTexts()
        try cases.addLeaves(300)
        try cases.addBytes(60)
        try cases.addForgeries(120)
        try await cases.addMissingLayers()
        try await cases.addInclusions()
        return cases.all.enumerated().map { index, page in
            var page = page
            page.name = "\(index)-\(page.name)"
            return page
        }
    }

    /// One more.
    mutating func add(_ page: PageCase) { all.append(page) }

    private static let vectors = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fixtures/vectors")

    private static func golden() throws -> [UInt8] {
        Array(try Data(contentsOf: vectors.appending(path: "cdp-1.0.json")))
    }

    /// The golden proof, and those that an independent script made to be refused.
    private mutating func addGoldenProofs() throws {
        let golden = try Self.golden()
        all.append(PageCase("golden", golden))
        all.append(PageCase("golden-canonical", try JSONReader.read(golden).canonicalBytes))
        let refused = Array(try Data(contentsOf: Self.vectors.appending(path: "cdp-1.0-refused.json")))
        for (index, item) in (try JSONReader.read(refused, numbers: .ieee754).array ?? []).enumerated() {
            if let text = item["text"]?.string { all.append(PageCase("refused-\(index)", text)) }
            if let hex = item["hex"]?.string, let bytes = [UInt8](lowerCaseHex: hex) {
                all.append(PageCase("refused-\(index)", bytes))
            }
        }
    }

    /// Texts that tell strict readers of JSON from others.
    private mutating func addTexts() throws {
        let golden = String(decoding: try Self.golden(), as: UTF8.self)
        let version = #""cdp_version": "1.0""#
        #expect(golden.contains(version))
        let replacements = [
            #""cdp_version": "1.0", "cdp_version": "1.0""#, #""cdp_version": "1\u002e0""#,
            #""cdp\u005fversion": "1.0""#, #""cdp_version": "1.0", "cdp\u005fversion": "1.0""#,
            #""cdp_version": 1.0"#, #""cdp_version": -0"#, #""cdp_version": 01"#, #""cdp_version": 1e2"#,
            #""cdp_version": "\ud800""#, #""cdp_version": "\ud83d\ude00""#, #""cdp_version": "\udc00\ud800""#,
            #""cdp_version": "\x41""#, #""cdp_version": "\u00zz""#, "\"cdp_version\": \"\u{1}\"",
            #""cdp_version": null"#,
            #""cdp_version": "1.0", "more": [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"#,
            #""cdp_version": "1.0", "more": [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]"#,
            #""cdp_version": "1.0", "more": 9007199254740991"#, #""cdp_version": "1.0", "more": 9007199254740992"#,
            #""cdp_version": "1.0", "more": 99999999999999999999999999"#, #""cdp_version": "1.0", "more": -"#,
            #""cdp_version": "1.0", "__proto__": {}"#, #""cdp_version": "1.0", "constructor": 1"#,
            #""cdp_version": tru"#, #""cdp_version": "1.0",,"#, #"cdp_version: "1.0""#,
        ]
        for replacement in replacements { all.append(PageCase("text", golden.replacing(version, with: replacement))) }
        for text in ["", " ", "{}", "[]", "null", "\"", "{\"cdp\":{},\"inclusion\":{}}", "\u{FEFF}" + golden] {
            all.append(PageCase("text", text))
        }
        all.append(PageCase("text", golden + " \n"))
        all.append(PageCase("text", golden + "x"))
        all.append(PageCase("text", Array(golden.utf8) + [0xFF]))
        for bytes: [UInt8] in [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80], [0xC3]] {
            all.append(
                PageCase("utf8", Array(#"{"cdp_version":""#.utf8) + bytes + Array(#"","chain":[]}"#.utf8)))
        }
    }

    /// The golden proof with one leaf, or one container, replaced or left out.
    private mutating func addLeaves(_ count: Int) throws {
        let document = try JSONReader.read(try Self.golden())
        let paths = document.placesOfAll.filter { !$0.isEmpty }
        for _ in 0..<count {
            let path = paths[Int.random(in: 0..<paths.count, using: &generator)]
            let others = document.value(at: path).others
            let other = others[Int.random(in: 0..<others.count, using: &generator)]
            all.append(PageCase("leaf", document.replacing(path, with: other).canonicalBytes))
        }
    }

    /// The golden proof with one bit flipped.
    private mutating func addBytes(_ count: Int) throws {
        let golden = try Self.golden()
        for _ in 0..<count {
            var bytes = golden
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            all.append(PageCase("bit", bytes))
        }
    }

    /// Evidence that says something else, chained and signed as it should be.
    private mutating func addForgeries(_ count: Int) throws {
        let document = try JSONReader.read(try Self.golden())
        let documents = try #require(document["evidence"]?.array).map { try #require($0["document"]) }
        let all = documents.indices.flatMap { step in documents[step].placesOfAll.map { (step, $0) } }
        for _ in 0..<count {
            let (step, path) = all[Int.random(in: 0..<all.count, using: &generator)]
            let others = documents[step].value(at: path).others
            let other = others[Int.random(in: 0..<others.count, using: &generator)]
            // An evidence document stays an object: the chain is made over what is there.
            let changed = documents[step].replacing(path, with: path.isEmpty ? [:] : other)
            var forged = documents
            forged[step] = changed
            self.all.append(PageCase("forged", try Self.sign(forged, into: document).canonicalBytes))
        }
    }

    private static func sign(_ documents: [JSONValue], into document: JSONValue) throws -> JSONValue {
        var object = try #require(document.object)
        let destroyedAt = try #require(UTCSecond(object["destroyed_at"]?.string ?? ""))
        let chain = EvidenceChain(documents: documents, destroyedAt: destroyedAt)
        let signer = try ProofSigner(seed: [UInt8](0..<32))
        object["chain"] = .array(chain.links.map(\.document))
        object["evidence"] = .array(
            documents.enumerated().map { ["step": .integer(Int64($0.offset + 1)), "document": $0.element] })
        object["final_hash"] = .string("sha256:" + chain.finalHash.hex)
        var attestation = try #require(object["attestation"]?.object)
        let signature = try signer.sign(Array(chain.finalHash.hex.utf8))
        attestation["signature"] = .string("base64:" + CanonicalBase64.encode(signature))
        object["attestation"] = .object(attestation)
        return .object(object)
    }

    private mutating func addMissingLayers() async throws {
        let log = try await TestLog.make { $0.layersMissing = ["seccomp", "cgroups"] }
        for proof in log.proofs {
            all.append(PageCase("layers", proof))
            all.append(PageCase("layers-accepted", proof, acceptsMissingLayers: true))
        }
    }
}
