import CSodium
import CanonicalJSON
import Foundation
import Proofs

/// Whole destruction proofs verified a second by one core, against bare Ed25519 verifications by libsodium.
enum ProofBenchmark {
    static func rows(rounds: Rounds) async throws -> [Table.Row] {
        let document = try goldenDocument()
        let verifier = ProofVerifier()
        guard try verifier.verify(document).isValid else { throw BenchmarkError("the golden proof does not verify") }
        let bare = BareSignature()
        let medians = try await rounds.medians([
            { seconds in
                try rate(for: seconds) {
                    guard try verifier.verify(document).isValid else { throw BenchmarkError("a proof did not verify") }
                }
            },
            { seconds in try rate(for: seconds) { try bare.verify() } },
        ])
        return [
            Table.Row(
                name: "proofs verified, one core", ours: rateText(medians[0]), peer: "libsodium Ed25519 verify",
                theirs: rateText(medians[1]), ratio: medians[0] / medians[1], target: .atLeast(0.4))
        ]
    }

    /// The golden proof in the form in which the server hands proofs out: canonical, on one line.
    private static func goldenDocument() throws -> [UInt8] {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let indented = Array(try Data(contentsOf: repository.appending(path: "fixtures/vectors/cdp-1.0.json")))
        return try JSONReader.read(indented).canonicalBytes
    }
}

/// A signature over 64 bytes, as a proof's is.
struct BareSignature {
    private var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
    private var signature = [UInt8](repeating: 0, count: Int(crypto_sign_BYTES))
    private let message = [UInt8](repeating: 0x61, count: 64)

    init() {
        var secretKey = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
        // Neither can fail: both only compute.
        _ = crypto_sign_keypair(&publicKey, &secretKey)
        _ = crypto_sign_detached(&signature, nil, message, UInt64(message.count), secretKey)
    }

    func verify() throws {
        guard crypto_sign_verify_detached(signature, message, UInt64(message.count), publicKey) == 0 else {
            throw BenchmarkError("libsodium refused its own signature")
        }
    }
}
