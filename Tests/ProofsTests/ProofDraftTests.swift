import CanonicalJSON
import Merkle
@testable import Proofs
import Testing

@Suite("Building a destruction proof")
struct ProofDraftTests {
    @Test("rebuilds the golden proof byte for byte from its seed and its evidence")
    func rebuildsTheGoldenProof() throws {
        let proof = try GoldenProof.proof()
        #expect(proof.canonicalBytes == (try GoldenProof.document()).canonicalBytes)
        #expect(proof.keyID == "nrx-verify-20260301T143000Z-a8f3e71c")
        #expect(proof.finalHashText == (try GoldenProof.document())["final_hash"]?.string)
        #expect(proof.regulatoryContext == (try GoldenProof.document())["regulatory_context"])
        #expect(proof.sessionContext == (try GoldenProof.document())["session_context"])
    }

    @Test("goes through every intermediate hash of the golden trace")
    func matchesTheTrace() throws {
        let trace = try GoldenProof.trace()
        let evidence = try #require(try GoldenProof.proof().document["evidence"]?.array)
        let documents = try evidence.map { try #require($0["document"]) }
        let chain = EvidenceChain(documents: documents, destroyedAt: try GoldenProof.destroyedAt())
        var previous = Hash(of: [])
        #expect(trace["genesis"]?.string == previous.hex)
        #expect(trace["private_key_seed_hex"]?.string == GoldenProof.seed.lowerCaseHex)
        let steps = try #require(trace["steps"]?.array)
        #expect(steps.count == 8)
        for (index, step) in steps.enumerated() {
            let link = chain.links[index]
            #expect(documents[index].canonicalText == step["evidence_jcs"]?.string)
            let hashed = EvidenceChain.hashedBytes(
                previous: previous, subsystem: link.subsystem, operation: link.operation,
                evidenceHash: link.evidenceHash, destroyedAt: try GoldenProof.destroyedAt())
            #expect(hashed.lowerCaseHex == step["hashed_bytes_hex"]?.string)
            #expect(link.chainHash.hex == step["chain_hash"]?.string)
            previous = link.chainHash
        }
        #expect(chain.finalHash.hex == trace["signed_bytes_ascii"]?.string)
    }

    @Test("knows the key's id before the log has sealed anything, for the event that publishes the key")
    func knowsTheKeyIDFirst() throws {
        let signer = try ProofSigner()
        let draft = try GoldenProof.draft(publicKey: signer.publicKey)
        #expect(draft.keyID == "nrx-verify-20260301T143000Z-a8f3e71c")
    }

    @Test("gives a proof that verifies for every trigger, jurisdiction and classification, and with fresh keys")
    func buildsAllKinds() throws {
        for trigger in DestructionTrigger.allCases {
            for jurisdiction in Jurisdiction.allCases {
                for classification in DataClassification.allCases {
                    let signer = try ProofSigner()
                    let draft = try GoldenProof.draft(publicKey: signer.publicKey) { _, session in
                        session.trigger = trigger
                        session.context.jurisdiction = jurisdiction
                        session.context.dataClassification = classification
                    }
                    let proof = try draft.seal(at: GoldenProof.head(), with: signer)
                    let verification = try ProofVerifier().verify(proof.canonicalBytes)
                    #expect(verification.isValid)
                    #expect(verification.claims?.trigger == trigger)
                }
            }
        }
    }

    @Test("gives a proof of an empty workspace too")
    func buildsForAnEmptyWorkspace() throws {
        let signer = try ProofSigner()
        let draft = try GoldenProof.draft(publicKey: signer.publicKey) { evidence, _ in
            (evidence.fileSystem.files, evidence.fileSystem.bytes) = (0, 0)
            (evidence.overwrite.bytes, evidence.overwrite.bytesOverwritten, evidence.overwrite.bytesCompared) = (
                0, 0, 0
            )
            let root = ZeroTree.root(blocks: 0)
            evidence.zeroTree = ZeroTreeEvidence(blocks: 0, merkleRoot: root, expectedRoot: root)
        }
        #expect(try ProofVerifier().verify(draft.seal(at: GoldenProof.head(), with: signer).canonicalBytes).isValid)
    }

    @Test("refuses evidence that does not show a clean destruction", arguments: UncleanEvidence.allCases)
    func refusesUncleanEvidence(kind: UncleanEvidence) throws {
        let signer = try ProofSigner()
        let publicKey = signer.publicKey
        #expect(GoldenProof.evidence().uncleanReasons == [])
        let error = #expect(throws: ProofError.self) {
            try GoldenProof.draft(publicKey: publicKey) { evidence, _ in kind.apply(to: &evidence) }
        }
        #expect(error?.code == .uncleanDestruction)
    }

    @Test("shows missing isolation layers in the proof instead of refusing it")
    func showsMissingLayers() throws {
        let signer = try ProofSigner()
        let draft = try GoldenProof.draft(publicKey: signer.publicKey) { evidence, _ in
            evidence.isolation.layersMissing = ["seccomp"]
        }
        let proof = try draft.seal(at: GoldenProof.head(), with: signer)
        let strict = try ProofVerifier().verify(proof.canonicalBytes)
        #expect(!strict.isValid && strict.layersMissing == ["seccomp"])
        #expect(strict.failures.map(\.check) == [.cleanDestruction])
        let lenient = try ProofVerifier(acceptsMissingLayers: true).verify(proof.canonicalBytes)
        #expect(lenient.isValid && lenient.layersMissing == ["seccomp"])
    }

    @Test("refuses a destruction before the creation, ids of another form, and a signer of another key")
    func refusesWhatDoesNotFit() throws {
        let signer = try ProofSigner()
        let publicKey = signer.publicKey
        func code(_ body: () throws -> Void) -> ProofError.Code? {
            #expect(throws: ProofError.self, performing: body)?.code
        }
        #expect(
            code {
                _ = try GoldenProof.draft(publicKey: publicKey) { _, session in
                    if let later = UTCSecond("2026-03-01T14:30:01Z") { session.createdAt = later }
                }
            } == .invalidInput)
        for sessionID in [
            "", "sess_a8f3e71c", "sess_A8F3E71C4B2D9F06A8F3E71C4B2D9F06", "inst_a8f3e71c4b2d9f06a8f3e71c4b2d9f06",
        ] {
            #expect(
                code { _ = try GoldenProof.draft(publicKey: publicKey) { _, session in session.sessionID = sessionID } }
                    == .invalidInput)
        }
        let draft = try GoldenProof.draft(publicKey: publicKey)
        #expect(code { _ = try draft.seal(at: GoldenProof.head(), with: try ProofSigner()) } == .invalidInput)
    }

    @Test("never hands out a proof that its own verifier refuses")
    func readsBackWhatItBuilt() {
        let negative = #expect(throws: ProofError.self) {
            try GoldenProof.proof { _, session in session.execCount = -1 }
        }
        #expect(negative?.code == .builtProofInvalid)
        // Beyond 2^53 − 1 the document is not even readable.
        let tooLarge = #expect(throws: ProofError.self) {
            try GoldenProof.proof { evidence, _ in evidence.fileSystem.sizeBytes = 1 << 53 }
        }
        #expect(tooLarge?.code == .builtProofInvalid)
    }
}

/// Ways in which a destruction can be unclean.
enum UncleanEvidence: CaseIterable {
    case processLeft, descriptorOpen, stillMounted, mismatch, fewerBytesOverwritten, fewerBytesCompared, passSkipped
    case notGuarded, notLocked, notZeroed, notReadBack, blocksMissing, blocksNegative, rootNotZero, rootNotExpected

    func apply(to evidence: inout DestructionEvidence) {
        switch self {
        case .processLeft: evidence.isolation.processesAfter = 1
        case .descriptorOpen: evidence.fileSystem.openDescriptorsAfter = 1
        case .stillMounted: evidence.fileSystem.presentAfter = true
        case .mismatch: evidence.overwrite.mismatches = 1
        case .fewerBytesOverwritten: evidence.overwrite.bytes = 4096
        case .fewerBytesCompared: evidence.overwrite.bytesCompared = 4096
        case .passSkipped: evidence.overwrite.bytesOverwritten = 24576
        case .notGuarded: evidence.key.guardedMemory = false
        case .notLocked: evidence.key.locked = false
        case .notZeroed: evidence.key.zeroed = false
        case .notReadBack: evidence.key.readBackZero = false
        case .blocksMissing: evidence.zeroTree.blocks = 1
        case .blocksNegative: evidence.zeroTree.blocks = -2
        case .rootNotZero: evidence.zeroTree.merkleRoot = .zero
        case .rootNotExpected: (evidence.zeroTree.merkleRoot, evidence.zeroTree.expectedRoot) = (.zero, .zero)
        }
    }
}
