import Ledger
import Synchronization

/// Counts authenticated requests. A block of requests is reserved in the log ahead of being served, so that a crash can
/// only count too much, never too little, and a request does not cost a write.
final class RequestMeter: Sendable {
    /// Requests reserved at once.
    static let blockRequests: Int64 = 100

    private struct State {
        var remaining: [KeyID: Int64] = [:]
        /// Keys for which a block is being reserved, and who waits for it.
        var reserving: [KeyID: [CheckedContinuation<Void, Never>]] = [:]
    }

    private enum Step { case counted, reserve, wait }

    private let ledger: LedgerService
    private let state = Mutex(State())

    init(ledger: LedgerService) { self.ledger = ledger }

    /// Counts one request of the key `key`; reserves another block when the last one is used up.
    ///
    /// - Throws: `rateLimited` when the key's month is used up.
    func count(_ key: KeyID, trace: String) async throws(APIError) {
        while true {
            let step = state.withLock { state -> Step in
                if let left = state.remaining[key], left > 0 {
                    state.remaining[key] = left - 1
                    return .counted
                }
                if state.reserving[key] != nil { return .wait }
                state.reserving[key] = []
                return .reserve
            }
            switch step {
            case .counted: return
            case .reserve: try await reserve(key, trace: trace)
            case .wait: await waitForReservation(of: key)
            }
        }
    }

    private func reserve(_ key: KeyID, trace: String) async throws(APIError) {
        let command = Command.reserveRequests(
            CountRequests(keyID: key, requests: Self.blockRequests))
        let result: Result<Void, APIError>
        do throws(APIError) {
            _ = try await ledger.commit(command, as: .system, trace: trace)
            result = .success(())
        } catch { result = .failure(error) }
        let waiting = state.withLock { state in
            if case .success = result { state.remaining[key, default: 0] += Self.blockRequests }
            return state.reserving.removeValue(forKey: key) ?? []
        }
        for continuation in waiting { continuation.resume() }
        try result.get()
    }

    private func waitForReservation(of key: KeyID) async {
        await withCheckedContinuation { continuation in
            let isWaiting = state.withLock { state in
                guard state.reserving[key] != nil else { return false }
                state.reserving[key]?.append(continuation)
                return true
            }
            if !isWaiting { continuation.resume() }
        }
    }

    /// Gives back what was reserved and not used; at a clean stop.
    func returnRest(trace: String) async throws(APIError) {
        let rest = state.withLock { state in
            defer { state.remaining = [:] }
            return state.remaining.filter { $0.value > 0 }
        }
        for (key, requests) in rest {
            _ = try await ledger.commit(
                .returnRequests(CountRequests(keyID: key, requests: requests)), as: .system, trace: trace)
        }
    }
}
