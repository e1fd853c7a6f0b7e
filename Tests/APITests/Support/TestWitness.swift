import EventStore
import HTTPTypes
import Hummingbird
import Merkle
import NIOCore
import Synchronization
import Testing

@testable import API
@testable import Proofs

/// A witness on a port of its own, with a memory of its own: it verifies the log's signature and the consistency proof
/// before it cosigns, and answers as C2SP `tlog-witness` says.
final class TestWitness: Sendable {
    private struct State {
        var head: TreeHead?
        var requests: [Int] = []
        var isLying = false
    }

    let key: WitnessKey
    private let seed: [UInt8]
    private let logKey: Mutex<VerifierKey?>
    private let state = Mutex(State())

    init(name: String = "witness.example/w1", seed: UInt8 = 40) throws {
        self.seed = [UInt8](repeating: seed, count: 32)
        key = try #require(WitnessKey(name: name, publicKey: try ProofSigner(seed: self.seed).publicKey.rawBytes))
        logKey = Mutex(nil)
    }

    /// The status of every answer so far.
    var statuses: [Int] { state.withLock { $0.requests } }
    /// What it cosigned last.
    var head: TreeHead? { state.withLock { $0.head } }

    func trust(_ key: VerifierKey) { logKey.withLock { $0 = key } }
    /// Makes it answer with cosignatures of something else.
    func lie() { state.withLock { $0.isLying = true } }
    /// Puts words into its mouth.
    func remember(_ head: TreeHead?) { state.withLock { $0.head = head } }

    /// Runs `body` while the witness serves; it gets the submission prefix.
    func serve<Value: Sendable>(_ body: @Sendable (String) async throws -> Value) async throws -> Value {
        let router = Router()
        router.post("/w1/add-checkpoint") { request, _ in
            let text = String(buffer: try await request.body.collect(upTo: 1 << 20))
            return self.answer(text)
        }
        return try await LocalServer.serve(router) { try await body($0 + "/w1") }
    }

    private func answer(_ text: String) -> Response {
        let (status, body, type) = judge(text)
        state.withLock { $0.requests.append(Int(status.code)) }
        return Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }

    private func judge(_ text: String) -> (HTTPResponse.Status, String, String) {
        let plain = "text/plain; charset=utf-8"
        guard let request = try? ConsistencyProof(text: text) else { return (.badRequest, "malformed\n", plain) }
        guard let logKey = logKey.withLock({ $0 }), request.checkpoint.origin == logKey.name else {
            return (.notFound, "unknown log\n", plain)
        }
        guard (try? request.checkpoint.verify(with: logKey)) != nil else {
            return (.forbidden, "bad signature\n", plain)
        }
        let new = request.checkpoint.head
        guard request.oldSize <= new.size else { return (.badRequest, "old size\n", plain) }
        return state.withLock { state in
            let size = state.head?.size ?? 0
            guard request.oldSize == size, request.oldSize != new.size || state.head == new else {
                return (.conflict, "\(size)\n", "text/x.tlog.size")
            }
            let old = state.head ?? TreeHead(size: 0, root: TreeHasher.emptyRoot)
            guard request.proves(extensionOf: old) else { return (.unprocessableContent, "inconsistent\n", plain) }
            state.head = new
            let time: UInt64 = 1_772_373_600
            var message = WitnessKey.message(at: time, over: request.checkpoint)
            if state.isLying { message.append(0) }
            guard let signature = try? ProofSigner(seed: seed).sign(message) else {
                return (.internalServerError, "", plain)
            }
            return (.ok, key.line(at: time, signature: signature).text + "\n", plain)
        }
    }
}
