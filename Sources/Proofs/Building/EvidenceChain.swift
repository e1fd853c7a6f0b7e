import CanonicalJSON
import Merkle

/// The hash chain over the eight evidence documents.
struct EvidenceChain {
    /// One step of the chain.
    struct Link {
        let step: Int
        let subsystem: String
        let operation: String
        /// SHA-256 of the document's canonical bytes.
        let evidenceHash: Hash
        let chainHash: Hash

        var document: JSONValue {
            [
                "step": .integer(Int64(step)), "subsystem": .string(subsystem), "operation": .string(operation),
                "evidence_hash": .string("sha256:" + evidenceHash.hex),
                "chain_hash": .string("sha256:" + chainHash.hex),
            ]
        }
    }

    /// Who does what, in order.
    static let steps: [(subsystem: String, operation: String)] = [
        ("eee_namespace", "environment_isolation"),
        ("eee_tmpfs", "filesystem_destruction"),
        ("eee_memory", "multipass_overwrite"),
        ("dire_keys", "key_zeroization"),
        ("dire_identity", "credential_incineration"),
        ("fgx_forensic", "merkle_zero_verification"),
        ("rzl_audit", "chain_integrity_seal"),
        ("session_destroy", "lifecycle_completion"),
    ]

    let links: [Link]
    /// The chain hash of the last step.
    let finalHash: Hash

    /// Chains `documents`, from the genesis SHA-256 of nothing.
    init(documents: [JSONValue], destroyedAt: UTCSecond) {
        precondition(documents.count == Self.steps.count)
        var previous = Hash(of: [])
        var links: [Link] = []
        for (index, (names, document)) in zip(Self.steps, documents).enumerated() {
            let evidenceHash = Hash(of: document.canonicalBytes)
            let message = Self.hashedBytes(
                previous: previous, subsystem: names.subsystem, operation: names.operation, evidenceHash: evidenceHash,
                destroyedAt: destroyedAt)
            previous = Hash(of: message)
            links.append(
                Link(
                    step: index + 1, subsystem: names.subsystem, operation: names.operation,
                    evidenceHash: evidenceHash, chainHash: previous))
        }
        self.links = links
        finalHash = previous
    }

    /// prev ‖ 0 ‖ subsystem ‖ 0 ‖ operation ‖ 0 ‖ evidence hash ‖ 0 ‖ destroyed_at, all as ASCII text, hashes as bare hex.
    static func hashedBytes(
        previous: Hash, subsystem: String, operation: String, evidenceHash: Hash, destroyedAt: UTCSecond
    ) -> [UInt8] {
        Array([previous.hex, subsystem, operation, evidenceHash.hex, destroyedAt.text].joined(separator: "\0").utf8)
    }
}
