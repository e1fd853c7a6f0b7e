import CanonicalJSON
import Crypto
import EventStore

/// Events whose lines are about 300 bytes, with the random ids that real ones have (they decide how well LZ4 does).
enum SampleEvents {
    static func make(count: Int) -> [EventDraft] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { number in
            var data = JSONObject()
            data["customer_id"] = .string("cust_" + hex(&generator))
            data["day"] = "2026-03-01"
            data["requests"] = .integer(Int64(number))
            return EventDraft(
                id: "evt_" + hex(&generator), at: SystemClock.now(), actor: "system",
                stream: "cust_" + hex(&generator), trace: "req_" + hex(&generator).prefix(16), type: "usage.tick",
                version: 1, data: data)
        }
    }

    /// As the log's owner makes it for the log's first event.
    static func newEventID() -> String {
        var generator = SystemRandomNumberGenerator()
        return "evt_" + hex(&generator)
    }

    /// 32 random digits.
    private static func hex(_ generator: inout SystemRandomNumberGenerator) -> String {
        let digits = Array("0123456789abcdef")
        return String((0..<32).map { _ in digits[Int.random(in: 0..<16, using: &generator)] })
    }
}

/// A log key for measuring: signs checkpoints as the vault does, keeps nothing.
struct BenchmarkSigner: CheckpointSigner, SignedHeadKeeper {
    private let key = Curve25519.Signing.PrivateKey()
    let verifierKey: VerifierKey

    init() throws {
        guard let key = VerifierKey(name: "benchmark/log", publicKey: Array(key.publicKey.rawRepresentation)) else {
            throw BenchmarkError("a fresh key does not fit a verifier key")
        }
        verifierKey = key
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message)) }
    func highestSignedHead() -> TreeHead? { nil }
    func recordSignedHead(_ head: TreeHead) {}
}
