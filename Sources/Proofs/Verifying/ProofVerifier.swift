public import CanonicalJSON

/// Checks Cryptographic Destruction Proofs of format 1.0 from their bytes alone.
///
/// ```swift
/// let verification = try ProofVerifier().verify(bytes)
/// verification.isValid            // and, if not, verification.failures
/// ```
///
/// Shares with the builder only primitives (strict JSON, JCS, SHA-256, the tree, libsodium): the reading of the format
/// is written a second time here, so that one mistake cannot be made twice. Trusts no member because it is there.
public struct ProofVerifier: Sendable {
    /// Largest document that is looked at, in bytes.
    public static let documentBytesMax = 1 << 20

    /// Whether a proof of a session that ran without some isolation layers can pass.
    public var acceptsMissingLayers: Bool
    /// Whether whoever verifies made the key pair of this name and public key itself. Such a key is a point of the
    /// prime-order group by how it was made, and that is not computed again; everything else is. Nil for everybody else.
    public var hasMadeKey: (@Sendable (_ keyID: String, _ publicKey: VerificationKey) -> Bool)?

    /// - Parameter acceptsMissingLayers: whether a proof of a session that ran without some isolation layers can pass.
    ///   The layers stand in the verdict either way.
    public init(acceptsMissingLayers: Bool = false) {
        self.acceptsMissingLayers = acceptsMissingLayers
    }

    /// Recomputes everything in `document`. About 112 µs, of which 95 are elliptic curves.
    ///
    /// - Returns: the verdict; a proof that fails is not an error.
    /// - Throws: ``ProofError/Code/notAProof`` when `document` is not a destruction proof at all: not strict JSON, or not
    ///   an object with the members `cdp_version`, `chain` and `attestation`.
    public func verify(_ document: [UInt8]) throws(ProofError) -> ProofVerification {
        guard document.count <= Self.documentBytesMax else {
            throw ProofError(.notAProof, "the document is larger than \(Self.documentBytesMax) bytes")
        }
        let verification: ProofVerification?
        do throws(JSONError) {
            verification = try document.withTypedBuffer { (bytes) throws(JSONError) in
                try JSONReader.withView(of: bytes) { inspect($0) }
            }
        } catch {
            throw ProofError(.notAProof, "the document is not strict JSON: \(error)")
        }
        return try Self.proof(verification)
    }

    /// Same, of a document that ``CanonicalJSON/JSONReader`` has read strictly already, for example as part of an event.
    public func verify(_ document: JSONValue) throws(ProofError) -> ProofVerification {
        guard let object = document.object else { return try Self.proof(nil) }
        let verification: ProofVerification?
        do throws(JSONError) { verification = try object.withTextView { inspect($0) } } catch {
            throw ProofError(.notAProof, "the document cannot be written as JSON: \(error)")
        }
        return try Self.proof(verification)
    }

    /// The verdict; nil when `document` is no destruction proof at all.
    private func inspect(_ document: JSONView) -> ProofVerification? {
        guard document.member("cdp_version")?.isString == true, document.member("chain")?.isArray == true,
            document.member("attestation")?.isObject == true
        else { return nil }
        var inspection = ProofInspection(acceptsMissingLayers: acceptsMissingLayers, hasMadeKey: hasMadeKey)
        return inspection.inspect(document)
    }

    private static func proof(_ verification: ProofVerification?) throws(ProofError) -> ProofVerification {
        guard let verification else {
            throw ProofError(
                .notAProof, "a destruction proof is an object with cdp_version, chain and attestation; this is none")
        }
        return verification
    }
}
