import CanonicalJSON

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

    /// - Parameter acceptsMissingLayers: whether a proof of a session that ran without some isolation layers can pass.
    ///   The layers stand in the verdict either way.
    public init(acceptsMissingLayers: Bool = false) {
        self.acceptsMissingLayers = acceptsMissingLayers
    }

    /// Recomputes everything in `document`. About 2.5 bare signature verifications (120 µs, 88 of them elliptic curves).
    ///
    /// - Returns: the verdict; a proof that fails is not an error.
    /// - Throws: ``ProofError/Code/notAProof`` when `document` is not a destruction proof at all: not strict JSON, or not
    ///   an object with the members `cdp_version`, `chain` and `attestation`.
    public func verify(_ document: [UInt8]) throws(ProofError) -> ProofVerification {
        let value = try Self.read(document)
        var inspection = ProofInspection(text: document, acceptsMissingLayers: acceptsMissingLayers)
        return inspection.inspect(value)
    }

    private static func read(_ document: [UInt8]) throws(ProofError) -> JSONObject {
        guard document.count <= documentBytesMax else {
            throw ProofError(.notAProof, "the document is larger than \(documentBytesMax) bytes")
        }
        let value: JSONValue
        do { value = try JSONReader.read(document) } catch {
            throw ProofError(.notAProof, "the document is not strict JSON: \(error)")
        }
        guard let object = value.object, object["cdp_version"]?.string != nil, object["chain"]?.array != nil,
            object["attestation"]?.object != nil
        else {
            throw ProofError(
                .notAProof, "a destruction proof is an object with cdp_version, chain and attestation; this is none")
        }
        return object
    }
}
