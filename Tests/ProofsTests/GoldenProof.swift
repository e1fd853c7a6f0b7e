import CanonicalJSON
import Merkle
@testable import Proofs
import Testing

/// The inputs from which an independent script (`fixtures/vectors/generate.py`) made `cdp-1.0.json`.
enum GoldenProof {
    static let seed = [UInt8](0..<32)

    static func text() throws -> [UInt8] { try Fixtures.bytes("vectors/cdp-1.0.json") }

    static func document() throws -> JSONValue { try JSONReader.read(text()) }

    static func trace() throws -> JSONValue { try JSONReader.read(Fixtures.bytes("vectors/cdp-1.0-trace.json")) }

    static func evidence() -> DestructionEvidence {
        let root = ZeroTree.root(blocks: 2)
        return DestructionEvidence(
            isolation: IsolationEvidence(
                namespaces: .init(
                    cgroup: 4_026_532_182, ipc: 4_026_532_180, mnt: 4_026_532_178, net: 4_026_532_183,
                    pid: 4_026_532_181, user: 4_026_532_177, uts: 4_026_532_179),
                processesBefore: 3, processesAfter: 0, layersMissing: []),
            fileSystem: FileSystemEvidence(
                mountID: 79, sizeBytes: 67_108_864, files: 2, bytes: 8192, openDescriptorsAfter: 0, presentAfter: false),
            overwrite: OverwriteEvidence(
                bytes: 8192, bytesOverwritten: 32768, bytesCompared: 8192, mismatches: 0, initOnFree: false,
                swapActive: false),
            key: KeyEvidence(
                guardedMemory: true, locked: true, zeroed: true, readBackZero: true,
                sealed: .init(execAnswers: 1, spooledInputs: 0, terminalTickets: 0)),
            credentials: CredentialEvidence(environmentSecrets: 1, terminalTickets: 0),
            zeroTree: ZeroTreeEvidence(blocks: 2, merkleRoot: root, expectedRoot: root))
    }

    static func session() throws -> DestroyedSession {
        DestroyedSession(
            sessionID: "sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06", customerID: "cust_8a3f00000000000000000000000000aa",
            createdAt: try #require(UTCSecond("2026-03-01T14:00:00Z")), trigger: .api, execCount: 1,
            context: SessionContext(
                jurisdiction: .europeanUnion, dataClassification: .healthInformation, region: "eu", environment: .live))
    }

    static func destroyedAt() throws -> UTCSecond { try #require(UTCSecond("2026-03-01T14:30:00Z")) }

    static func head() -> LogHead {
        LogHead(origin: "ledger.example/log", size: 42, root: Hash(of: Array("example root".utf8)))
    }

    /// A draft of the golden proof with something changed.
    static func draft(
        publicKey: VerificationKey, change: (inout DestructionEvidence, inout DestroyedSession) -> Void = { _, _ in }
    ) throws -> ProofDraft {
        var (evidence, session) = (evidence(), try session())
        change(&evidence, &session)
        return try ProofDraft(
            session: session, evidence: evidence, destroyedAt: try destroyedAt(), publicKey: publicKey)
    }

    /// The golden proof, or one with something changed, signed with the golden key.
    static func proof(
        change: (inout DestructionEvidence, inout DestroyedSession) -> Void = { _, _ in }
    ) throws -> DestructionProof {
        let signer = try ProofSigner(seed: seed)
        return try draft(publicKey: signer.publicKey, change: change).seal(at: head(), with: signer)
    }
}

/// Documents that a forger who holds a signing key of its own could make: any evidence, chained and signed correctly.
enum Forger {
    /// The golden proof with other evidence documents, chained and signed anew. Step 8 can be changed like the others.
    static func proof(changing change: (inout [JSONValue]) -> Void) throws -> JSONValue {
        var document = try #require(try GoldenProof.document().object)
        var documents = try #require(document["evidence"]?.array).map { try #require($0["document"]) }
        change(&documents)
        let chain = EvidenceChain(documents: documents, destroyedAt: try GoldenProof.destroyedAt())
        let signer = try ProofSigner(seed: GoldenProof.seed)
        let signature = try signer.sign(Array(chain.finalHash.hex.utf8))
        document["chain"] = .array(chain.links.map(\.document))
        document["evidence"] = .array(
            documents.enumerated().map { ["step": .integer(Int64($0.offset + 1)), "document": $0.element] })
        document["final_hash"] = .string("sha256:" + chain.finalHash.hex)
        var attestation = try #require(document["attestation"]?.object)
        attestation["signature"] = .string("base64:" + CanonicalBase64.encode(signature))
        document["attestation"] = .object(attestation)
        return .object(document)
    }
}

extension ProofVerifier {
    /// The verdict on a document given as a value; nil when it is not a proof at all.
    func verdict(on document: JSONValue) -> ProofVerification? { try? verify(document.canonicalBytes) }
}
