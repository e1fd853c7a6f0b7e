import CanonicalJSON
import Crypto
import Foundation
import Merkle

/// Turns idempotency keys into what the log may hold of them. Everything is derived from the idempotency key *and* from
/// a secret of the vault: the log alone lets nobody guess keys or requests, the vault alone opens no answer.
struct IdempotencySecrets: Sendable {
    private let vaultSecret: SymmetricKey

    init(vaultSecret: [UInt8]) { self.vaultSecret = SymmetricKey(data: vaultSecret) }

    /// - Parameters:
    ///   - scope: whose key it is: the same text of somebody else is another key.
    ///   - request: method and path.
    ///   - body: two spellings of one JSON value are one body.
    func request(_ key: IdempotencyKey, scope: String, request: String, body: [UInt8]) -> IdempotentRequest {
        let secret = SymmetricKey(data: Array(scope.utf8) + [0] + Array(key.text.utf8))
        let root = HKDF<SHA256>.extract(inputKeyMaterial: secret, salt: Array(Self.purpose.utf8) + bytes(vaultSecret))
        func derive(_ info: String) -> SymmetricKey {
            HKDF<SHA256>.expand(pseudoRandomKey: root, info: Array(info.utf8), outputByteCount: Hash.byteCount)
        }
        var authentication = HMAC<SHA256>(key: derive("request"))
        authentication.update(data: Array(request.utf8) + [0])
        authentication.update(data: Self.canonical(body))
        return IdempotentRequest(
            keySHA256: Hash(exactly: bytes(derive("name"))),
            requestSHA256: Hash(exactly: Array(authentication.finalize())),
            sealingKey: derive("answer"))
    }

    private static let purpose = "nrx-idempotency/1"

    private func bytes(_ key: SymmetricKey) -> [UInt8] { key.withUnsafeBytes { Array($0) } }

    private static func canonical(_ body: [UInt8]) -> [UInt8] {
        // What is no JSON is refused by the route anyway; until then its bytes stand for it.
        do { return try JSONReader.read(body, numbers: .ieee754).canonicalBytes } catch { return body }
    }
}

extension Hash {
    /// Of a function whose output always has 32 bytes.
    fileprivate init(exactly bytes: [UInt8]) {
        guard let hash = Hash(bytes: bytes) else { preconditionFailure("SHA-256 gives 32 bytes") }
        self = hash
    }
}

/// A request that its sender may repeat without doing it twice.
struct IdempotentRequest: Sendable {
    /// What stands for the key, and for whose it is, in the log.
    let keySHA256: Hash
    /// What stands for the request in the log.
    let requestSHA256: Hash
    private let sealingKey: SymmetricKey

    fileprivate init(keySHA256: Hash, requestSHA256: Hash, sealingKey: SymmetricKey) {
        self.keySHA256 = keySHA256
        self.requestSHA256 = requestSHA256
        self.sealingKey = sealingKey
    }

    /// The answer in base64, so that only the holder of the idempotency key can open it (ChaCha20-Poly1305, RFC 8439).
    ///
    /// - Returns: nil when it cannot be sealed, which no input can bring about.
    func seal(_ answer: APIResponse) -> String? {
        do {
            let box = try ChaChaPoly.seal(answer.record, using: sealingKey, authenticating: binding)
            return box.combined.base64EncodedString()
        } catch { return nil }
    }

    /// The answer that ``seal(_:)`` sealed, or nil when this is not the request that it was sealed for.
    func open(_ text: String) -> APIResponse? {
        guard let sealed = Data(base64Encoded: text) else { return nil }
        do {
            let box = try ChaChaPoly.SealedBox(combined: sealed)
            return APIResponse(record: Array(try ChaChaPoly.open(box, using: sealingKey, authenticating: binding)))
        } catch { return nil }
    }

    private var binding: [UInt8] { keySHA256.bytes + requestSHA256.bytes }
}

extension APIResponse {
    /// Everything that a repeat must answer with, as bytes to be sealed. Not for answers that go on as events.
    var record: [UInt8] {
        let value: JSONValue = [
            "status": .integer(Int64(status)), "content_type": .string(contentType),
            "headers": .array(headers.map { .array([.string($0.name), .string($0.value)]) }),
            "body": .string(Data(body).base64EncodedString()),
        ]
        return value.canonicalBytes
    }

    /// Reads ``record``.
    init?(record: [UInt8]) {
        let value: JSONValue
        do { value = try JSONReader.read(record) } catch { return nil }
        guard let status = value["status"]?.integer, let type = value["content_type"]?.string,
            let body = value["body"]?.string.flatMap({ Data(base64Encoded: $0) })
        else { return nil }
        self.init(status: Int(status), body: Array(body))
        contentType = type
        for header in value["headers"]?.array ?? [] {
            guard let pair = header.array, pair.count == 2, let name = pair[0].string, let text = pair[1].string
            else { return nil }
            headers.append((name, text))
        }
    }
}
