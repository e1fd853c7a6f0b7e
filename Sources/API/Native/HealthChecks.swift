import Merkle
import Proofs

/// Small real checks behind the flags of `GET /v1/health`.
enum HealthChecks {
    /// A key pair can be made in guarded, locked memory.
    static func canHoldKeys() -> Bool {
        do throws(ProofError) {
            _ = try ProofSigner()
            return true
        } catch { return false }
    }

    /// The verifier works and refuses an empty claim.
    static func verifierRefusesNonsense() -> Bool {
        let nonsense = Array(#"{"cdp_version":"1.0","chain":[],"attestation":{}}"#.utf8)
        do throws(ProofError) { return try !ProofVerifier().verify(nonsense).isValid } catch { return false }
    }

    /// The tree over zero blocks is what hashing two zero blocks by hand gives.
    static func zeroTreeIsRight() -> Bool {
        let leaf = [UInt8](repeating: 0, count: Int(ZeroTree.blockBytes)).withUnsafeBytes { TreeHasher.leaf($0) }
        return ZeroTree.root(blocks: 2) == TreeHasher.node(leaf, leaf)
    }
}
