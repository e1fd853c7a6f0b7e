import CanonicalJSON
import Merkle
@testable import Proofs
import Testing

/// Proofs whose chain and signature are right but whose evidence is not: what the checks on content are for.
@Suite("Correctly signed but wrong evidence")
struct ForgedEvidenceTests {
    private let verifier = ProofVerifier()

    /// A change to one evidence document, by step (from 1) and path, and the check that must notice.
    struct Change: Sendable, CustomTestStringConvertible {
        let step: Int
        let member: String
        let value: JSONValue
        let expected: ProofVerification.Check

        var testDescription: String { "step \(step) \(member) \(value.canonicalText)" }
    }

    @Test("the forger's tools make a valid proof when they change nothing")
    func forgerWorks() throws {
        let forged = try Forger.proof { _ in }
        #expect(forged == (try GoldenProof.document()))
    }

    @Test(
        "says a clean destruction or fails, member by member",
        arguments: [
            Change(step: 1, member: "processes_after", value: 1, expected: .cleanDestruction),
            Change(step: 1, member: "layers_missing", value: ["seccomp"], expected: .cleanDestruction),
            Change(step: 2, member: "open_descriptors_after", value: 1, expected: .cleanDestruction),
            Change(step: 2, member: "present_after", value: true, expected: .cleanDestruction),
            Change(step: 3, member: "mismatches", value: 1, expected: .cleanDestruction),
            Change(step: 3, member: "passes", value: ["00", "00", "00", "00"], expected: .cleanDestruction),
            Change(step: 4, member: "guarded_memory", value: false, expected: .cleanDestruction),
            Change(step: 4, member: "locked", value: false, expected: .cleanDestruction),
            Change(step: 4, member: "zeroed", value: false, expected: .cleanDestruction),
            Change(step: 4, member: "read_back_zero", value: false, expected: .cleanDestruction),
            Change(step: 6, member: "merkle_root", value: .string(Hash.zero.hex), expected: .cleanDestruction),
            Change(step: 2, member: "bytes", value: 4096, expected: .consistency),
            Change(step: 3, member: "bytes", value: 4096, expected: .consistency),
            Change(step: 3, member: "bytes_overwritten", value: 8192, expected: .consistency),
            Change(step: 3, member: "bytes_compared", value: 4096, expected: .consistency),
            Change(step: 6, member: "blocks", value: 3, expected: .consistency),
            Change(step: 6, member: "blocks", value: 9_007_199_254_740_991, expected: .consistency),
            Change(step: 6, member: "expected_root", value: .string(Hash.zero.hex), expected: .consistency),
            Change(step: 8, member: "cdp_version", value: "1.1", expected: .consistency),
            Change(
                step: 8, member: "session_id", value: "sess_a8f3e71c000000000000000000000000", expected: .consistency),
            Change(step: 8, member: "created_at", value: "2026-03-01T14:00:01Z", expected: .consistency),
            Change(step: 8, member: "destroyed_at", value: "2026-03-01T14:30:01Z", expected: .consistency),
            Change(step: 8, member: "key_id", value: "nrx-verify-20260301T143001Z-a8f3e71c", expected: .keyBinding),
            Change(step: 8, member: "public_key_sha256", value: .string(Hash.zero.hex), expected: .keyBinding),
            Change(
                step: 8, member: "regulatory_context_sha256", value: .string(Hash.zero.hex), expected: .contextBinding),
            Change(step: 8, member: "session_context_sha256", value: .string(Hash.zero.hex), expected: .contextBinding),
            Change(step: 8, member: "trigger", value: "accident", expected: .structure),
            Change(step: 6, member: "block_bytes", value: 512, expected: .structure),
            Change(step: 2, member: "source", value: "ext4", expected: .structure),
            Change(step: 7, member: "log_root", value: .string(Hash.zero.hex.uppercased() + "0"), expected: .structure),
        ])
    func namesWhatIsWrong(change: Change) throws {
        let forged = try Forger.proof { documents in
            documents[change.step - 1] = documents[change.step - 1].replacing(
                [.member(change.member)], with: change.value)
        }
        let verification = try #require(verifier.verdict(on: forged))
        #expect(!verification.passed(change.expected), "\(verification.failures)")
        #expect(
            verification.passed(.signature) && verification.passed(.chainIntegrity) && verification.passed(.evidence))
    }

    @Test("has exactly the members of the format in every document: none missing, none more, none of another type")
    func exactMembers() throws {
        let documents = try #require(try GoldenProof.document()["evidence"]?.array).map {
            $0.value(at: [.member("document")])
        }
        for (index, document) in documents.enumerated() {
            for path in document.paths {
                guard case .member? = path.last else { continue }
                let forged = try Forger.proof { $0[index] = document.replacing(path, with: nil) }
                #expect(verifier.verdict(on: forged)?.passed(.structure) == false, "step \(index + 1) without \(path)")
                for other in document.value(at: path).ofOtherTypes {
                    let forged = try Forger.proof { $0[index] = document.replacing(path, with: other) }
                    #expect(
                        verifier.verdict(on: forged)?.passed(.structure) == false, "step \(index + 1) \(path) \(other)")
                }
            }
            for path in document.paths {
                guard case .object(var object) = document.value(at: path) else { continue }
                object["note"] = "x"
                let forged = try Forger.proof { $0[index] = document.replacing(path, with: .object(object)) }
                #expect(
                    verifier.verdict(on: forged)?.passed(.structure) == false, "step \(index + 1) \(path) with a note")
            }
        }
    }

    @Test("has a key id that follows from session and time, even when step 8 and the attestation agree on another")
    func keyIDFollows() throws {
        for keyID in ["nrx-verify-20260301T143000Z-00000000", "nrx-verify-20260301T143001Z-a8f3e71c", "my-key", ""] {
            let forged = try Forger.proof { documents in
                documents[7] = documents[7].replacing([.member("key_id")], with: .string(keyID))
            }.replacing([.member("attestation"), .member("key_id")], with: .string(keyID))
            let verification = try #require(verifier.verdict(on: forged))
            #expect(verification.failures.map(\.check) == [.keyBinding], "\(keyID): \(verification.failures)")
        }
    }

    @Test("has no count below zero")
    func noNegativeCounts() throws {
        let documents = try #require(try GoldenProof.document()["evidence"]?.array).map {
            $0.value(at: [.member("document")])
        }
        var counts = 0
        for (index, document) in documents.enumerated() {
            for path in document.paths where document.value(at: path).integer != nil {
                counts += 1
                let forged = try Forger.proof { $0[index] = document.replacing(path, with: -1) }
                #expect(verifier.verdict(on: forged)?.passed(.structure) == false, "step \(index + 1) \(path)")
            }
        }
        #expect(counts == 27)
    }
}

extension JSONValue {
    /// A value of every JSON type but this one's.
    fileprivate var ofOtherTypes: [JSONValue] {
        let samples: [JSONValue] = [.null, true, 7, "seven", [7], ["seven": 7]]
        return samples.filter { sample in
            switch (sample, self) {
            case (.bool, .bool), (.integer, .integer), (.string, .string), (.array, .array), (.object, .object): false
            default: true
            }
        }
    }
}
