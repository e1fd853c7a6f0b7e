import CanonicalJSON
import Merkle
@testable import Proofs
import Testing

@Suite("Verifying a destruction proof")
struct ProofVerifierTests {
    @Test("accepts the golden proof, in its own layout and in canonical form, and reads its claims")
    func acceptsTheGoldenProof() throws {
        for text in [try GoldenProof.text(), try GoldenProof.document().canonicalBytes] {
            let verification = try ProofVerifier().verify(text)
            #expect(verification.failures == [])
            #expect(verification.isValid)
            #expect(verification.stepCount == 8)
            #expect(verification.layersMissing == [])
            let claims = try #require(verification.claims)
            #expect(claims.sessionID == "sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06")
            #expect(claims.customerID == "cust_8a3f00000000000000000000000000aa")
            #expect(claims.keyID == "nrx-verify-20260301T143000Z-a8f3e71c")
            #expect(claims.createdAt.text == "2026-03-01T14:00:00Z")
            #expect(claims.destroyedAt.text == "2026-03-01T14:30:00Z")
            #expect(claims.execCount == 1 && claims.trigger == .api)
            #expect(claims.logHead == GoldenProof.head())
            #expect(claims.publicKey.text == (try GoldenProof.document())["attestation"]?["public_key"]?.string)
            #expect(claims.signatureText == (try GoldenProof.document())["attestation"]?["signature"]?.string)
            #expect("sha256:" + claims.finalHash.hex == (try GoldenProof.document())["final_hash"]?.string)
        }
    }

    @Test("shows every check by name, and the number of steps found")
    func showsChecks() throws {
        let good = try ProofVerifier().verify(GoldenProof.text())
        #expect(
            good.checksDocument == [
                "structure": true, "evidence": true, "chain_integrity": true, "final_hash": true, "signature": true,
                "key_binding": true, "context_binding": true, "consistency": true, "clean_destruction": true,
                "step_count": 8,
            ])
        var document = try #require(try GoldenProof.document().object)
        document["chain"] = .array(Array(try #require(document["chain"]?.array).dropLast()))
        let short = try #require(ProofVerifier().verdict(on: .object(document)))
        #expect(short.checksDocument["step_count"] == 7)
        #expect(!short.passed(.chainIntegrity) && !short.isValid)
        #expect(ProofVerification.level == "integrity")
    }

    @Test("refuses every document of the golden list of bad ones")
    func refusesTheGoldenList() throws {
        let list = try #require(try JSONReader.read(Fixtures.bytes("vectors/cdp-1.0-refused.json")).array)
        #expect(list.count == 27)
        for item in list {
            let (text, why) = (try #require(item["text"]?.string), try #require(item["why"]?.string))
            let verification = try? ProofVerifier().verify(Array(text.utf8))
            #expect(verification?.isValid != true, "\(why)")
            let unreadable = ["duplicate member", "float in evidence", "byte order mark", "truncated"].contains(why)
            #expect((verification == nil) == unreadable, "\(why): unreadable documents and bad proofs are told apart")
        }
    }

    @Test("names the check that failed", arguments: Tampering.all)
    func namesTheFailedCheck(tampering: Tampering) throws {
        var document = try #require(try GoldenProof.document().object)
        tampering.change(&document)
        let verification = try #require(ProofVerifier().verdict(on: .object(document)))
        #expect(Set(verification.failures.map(\.check)) == tampering.expected, "\(verification.failures)")
        #expect(verification.failures.allSatisfy { !$0.message.isEmpty })
    }

    @Test(
        "says of other documents that they are no proofs at all",
        arguments: [
            "", "null", "[]", "{}", "1", "\"cdp\"", #"{"cdp_version":"1.0"}"#,
            #"{"cdp_version":"1.0","chain":[]}"#, #"{"cdp_version":1,"chain":[],"attestation":{}}"#,
            #"{"cdp_version":"1.0","chain":{},"attestation":{}}"#,
        ])
    func tellsOtherDocumentsApart(text: String) {
        let error = #expect(throws: ProofError.self) { try ProofVerifier().verify(Array(text.utf8)) }
        #expect(error?.code == .notAProof)
    }

    @Test("says of a hollow proof that it fails, not that it is none")
    func hollowProofFails() throws {
        let hollow = try ProofVerifier().verify(Array(#"{"cdp_version":"1.0","chain":[],"attestation":{}}"#.utf8))
        #expect(!hollow.isValid && hollow.stepCount == 0 && hollow.claims == nil)
        for check in ProofVerification.Check.allCases { #expect(!hollow.passed(check), "\(check)") }
    }

    @Test("does not look at documents beyond its limit")
    func refusesLargeDocuments() throws {
        let text = try GoldenProof.text()
        let padding = [UInt8](repeating: 0x20, count: ProofVerifier.documentBytesMax - text.count)
        #expect(try ProofVerifier().verify(text + padding).isValid)
        #expect(throws: ProofError.self) { try ProofVerifier().verify(text + padding + [0x20]) }
    }

    @Test("refuses a chain of thousands of steps without recomputing it")
    func refusesLongChains() throws {
        var document = try #require(try GoldenProof.document().object)
        let chain = try #require(document["chain"]?.array)
        document["chain"] = .array(Array(repeating: chain[0], count: 3000))
        document["evidence"] = .array(Array(repeating: 1, count: 3000))
        let verification = try #require(ProofVerifier().verdict(on: .object(document)))
        #expect(!verification.isValid && verification.stepCount == 3000)
    }
}

/// A change to the golden proof that leaves hashes and signature as they were, and the checks that must notice.
struct Tampering: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let expected: Set<ProofVerification.Check>
    let change: @Sendable (inout JSONObject) -> Void

    static let all: [Tampering] = [
        Tampering(testDescription: "another session id", expected: [.consistency]) {
            $0["session_id"] = "sess_00000000000000000000000000000000"
        },
        Tampering(testDescription: "another creation time", expected: [.consistency]) {
            $0["created_at"] = "2026-03-01T13:00:00Z"
        },
        Tampering(testDescription: "another destruction time", expected: [.consistency, .chainIntegrity, .finalHash]) {
            $0["destroyed_at"] = "2026-03-01T15:30:00Z"
        },
        Tampering(testDescription: "another final hash", expected: [.finalHash, .signature]) {
            $0["final_hash"] = .string("sha256:" + Hash.zero.hex)
        },
        Tampering(testDescription: "another session context", expected: [.contextBinding]) {
            $0["session_context"] = ["jurisdiction": "US"]
        },
        Tampering(testDescription: "no regulatory context", expected: [.contextBinding]) {
            $0["regulatory_context"] = [:]
        },
        Tampering(testDescription: "another version", expected: [.structure]) { $0["cdp_version"] = "1.1" },
        Tampering(testDescription: "another member at the top", expected: [.structure]) { $0["note"] = "x" },
        Tampering(testDescription: "another key id", expected: [.keyBinding]) { top in
            var attestation = top["attestation"]?.object ?? JSONObject()
            attestation["key_id"] = "nrx-verify-20260301T143001Z-a8f3e71c"
            top["attestation"] = .object(attestation)
        },
        Tampering(testDescription: "another algorithm", expected: [.structure]) { top in
            var attestation = top["attestation"]?.object ?? JSONObject()
            attestation["algorithm"] = "ed25519"
            top["attestation"] = .object(attestation)
        },
        Tampering(testDescription: "other evidence", expected: [.evidence]) { top in
            var evidence = top["evidence"]?.array ?? []
            evidence[4] = ["step": 5, "document": ["revoked": ["environment_secrets": 2, "terminal_tickets": 0]]]
            top["evidence"] = .array(evidence)
        },
        Tampering(
            testDescription: "two steps exchanged", expected: [.structure, .chainIntegrity, .finalHash, .evidence]
        ) { top in
            var chain = top["chain"]?.array ?? []
            chain.swapAt(2, 3)
            top["chain"] = .array(chain)
        },
    ]
}
