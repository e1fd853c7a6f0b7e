import Ledger
import Merkle
import Projections
import Synchronization

/// Where requests with an idempotency key line up: one of a kind is done at a time, and whoever repeats it gets its answer.
///
/// What was done is known from the ledger, so it survives a restart and a crash between the effect and its answer. Only
/// who is being served right now is kept here.
final class IdempotencyDesk: Sendable {
    /// Repeats that wait for the first of their kind; more are told to come back.
    static let waitingMax = 16
    private static let retryAfterSeconds = 1

    private struct Service {
        let requestSHA256: Hash
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private enum Step { case serve, wait, refuse(APIError) }

    private let ledger: LedgerService
    private let store: ProjectionStore
    private let inService = Mutex<[Hash: Service]>([:])

    init(ledger: LedgerService, store: ProjectionStore) {
        self.ledger = ledger
        self.store = store
    }

    /// Answers with what the first request of this kind got, or lets it be done.
    ///
    /// - Parameters:
    ///   - recall: finds an answer that is content and therefore not in the log.
    ///   - perform: does it, recording `request` in the commit of its effect. If it fails without an effect, nothing is
    ///     remembered and a repeat tries again.
    /// - Throws: `conflict` when the key stands for another request; what `perform` throws.
    func answer(
        _ request: IdempotentRequest, recall: () throws(APIError) -> APIResponse,
        perform: () async throws(APIError) -> APIResponse
    ) async throws(APIError) -> APIResponse {
        while true {
            switch step(for: request) {
            case .refuse(let error): throw error
            case .wait: await wait(for: request)
            case .serve:
                defer { finish(request) }
                if let answer = try remembered(request, recall: recall) { return answer }
                return try await perform()
            }
        }
    }

    private func step(for request: IdempotentRequest) -> Step {
        inService.withLock { inService in
            guard let service = inService[request.keySHA256] else {
                inService[request.keySHA256] = Service(requestSHA256: request.requestSHA256)
                return .serve
            }
            guard service.requestSHA256 == request.requestSHA256 else { return .refuse(.idempotencyKeyReused) }
            guard service.waiting.count < Self.waitingMax else {
                return .refuse(
                    APIError(
                        .conflict, "The request with this Idempotency-Key is still being done. Try again in a moment.",
                        retryAfterSeconds: Self.retryAfterSeconds))
            }
            return .wait
        }
    }

    private func wait(for request: IdempotentRequest) async {
        await withCheckedContinuation { continuation in
            let waits = inService.withLock { inService in
                // Finished meanwhile: the next look says how.
                guard inService[request.keySHA256] != nil else { return false }
                inService[request.keySHA256]?.waiting.append(continuation)
                return true
            }
            if !waits { continuation.resume() }
        }
    }

    private func finish(_ request: IdempotentRequest) {
        let waiting = inService.withLock { $0.removeValue(forKey: request.keySHA256)?.waiting ?? [] }
        for continuation in waiting { continuation.resume() }
    }

    private func remembered(
        _ request: IdempotentRequest, recall: () throws(APIError) -> APIResponse
    ) throws(APIError) -> APIResponse? {
        let now = ledger.now()
        guard let record = ledger.read({ $0.rememberedRequest(request.keySHA256, at: now) }) else { return nil }
        guard record.requestSHA256 == request.requestSHA256 else { throw .idempotencyKeyReused }
        // Decided, but the disk never took it: what really happened is known after the next start.
        guard ledger.projections.position > record.sequence else { throw .effectUnknown }
        let sealed: String?
        do throws(ProjectionError) { sealed = try store.rememberedAnswer(at: record.sequence) } catch {
            throw APIError(.internalError, "The projections cannot be read: \(error)")
        }
        guard let sealed else { return try recall() }
        guard let answer = request.open(sealed) else {
            throw APIError(.internalError, "A remembered answer does not open.")
        }
        return answer
    }
}

extension APIError {
    static let idempotencyKeyReused = APIError(
        .conflict,
        "This Idempotency-Key was used for another request in the last 24 hours. Use a new key for a new request.")
    fileprivate static let effectUnknown = APIError(
        .unavailable, "The ledger cannot write at the moment. Repeat the request later, with the same Idempotency-Key.",
        retryAfterSeconds: 30)
}
