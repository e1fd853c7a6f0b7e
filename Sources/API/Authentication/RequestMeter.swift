import EventStore
import Ledger
import Projections
import Synchronization

/// Counts the authenticated requests of API keys. A block of requests is reserved in the log ahead of being served, so
/// that a crash can only count too much, never too little, and a request does not cost a write.
///
/// A block serves its own day (UTC) under the limit it was granted under; then its rest is given back together with the
/// reservation of the next. So every month ends exactly, and a changed limit holds from the next request on.
final class RequestMeter: Sendable {
    /// Fewest requests that are reserved at once; of a key with a monthly limit fewer (``Ledger/State``).
    static let blockRequests: Int64 = 100
    /// Most requests that are reserved at once.
    static let largeBlockRequests: Int64 = 10_000
    /// How long a block is to last a busy key: its answers wait for a commit about twice a second then, not a few hundred
    /// times.
    private static let blockMicroseconds: Int64 = 500_000
    /// Blocks returned in one go at a stop, so that the log's queue holds them.
    private static let returnsAtOnce = 256

    fileprivate struct Block {
        var left: Int64
        /// How many it was granted with.
        let requests: Int64
        /// Days since 1970-01-01.
        let day: Int64
        /// The key's monthly limit when it was granted.
        let limit: Int64?
        /// When it was granted.
        let since: Timestamp
        /// No other block has this number.
        var number: UInt64 = 0
    }

    /// A request that was counted, and could still turn out not to have been made.
    struct Reservation: Sendable {
        fileprivate let key: KeyID
        fileprivate let block: UInt64
    }

    fileprivate struct State {
        var blocks: [KeyID: Block] = [:]
        var blocksEver: UInt64 = 0
        /// The latest day seen: a clock that is set back opens no day again.
        var today = Int64.min
        /// Keys for which a block is being reserved, and who waits for it.
        var reserving: [KeyID: [CheckedContinuation<Result<Void, APIError>, Never>]] = [:]
    }

    fileprivate enum Step {
        case counted
        /// With what is left of the block before.
        case reserve(before: Block?)
        case wait
    }

    private let ledger: LedgerService
    private let refusals: KeyRefusals
    private let state = Mutex(State())

    init(ledger: LedgerService, refusals: KeyRefusals) {
        self.ledger = ledger
        self.refusals = refusals
    }

    /// Counts one request with `key`; reserves another block when the last one is used up or over.
    ///
    /// - Throws: `rateLimited` when the key's month is used up, with the seconds until the next one.
    func count(_ key: KeyEntry, trace: String) async throws(APIError) {
        let limit = key.requestsPerMonth
        while true {
            let day = Self.day(of: ledger.now())
            switch state.withLock({ $0.step(key.id, day: day, limit: limit) }) {
            case .counted: return
            case .reserve(let before): try await reserve(key, before: before, limit: limit, trace: trace)
            case .wait: try await waitForReservation(of: key.id)
            }
        }
    }

    /// Counts one request with `key` if a block that it belongs to was reserved; nil when ``count(_:trace:)`` has to wait
    /// for one.
    func countReserved(_ key: KeyEntry) -> Reservation? {
        let day = Self.day(of: ledger.now())
        let limit = key.requestsPerMonth
        return state.withLock { $0.countReserved(key.id, day: day, limit: limit) }
    }

    /// The request was refused after all. Of a block that was used up or exchanged meanwhile nothing comes back: too much
    /// is counted then, never too little.
    func giveBack(_ reservation: Reservation) {
        state.withLock { state in
            guard state.reserving[reservation.key] == nil, state.blocks[reservation.key]?.number == reservation.block
            else { return }
            state.blocks[reservation.key]?.left += 1
        }
    }

    /// Requests that were reserved for `key` and not made yet.
    func unused(of key: KeyID) -> Int64 { state.withLock { $0.blocks[key]?.left ?? 0 } }

    private func reserve(
        _ key: KeyEntry, before: Block?, limit: Int64?, trace: String
    ) async throws(APIError) {
        let result: Result<Block, APIError>
        do throws(APIError) {
            let command = ReserveRequests(
                keyID: key.id, requests: Self.size(after: before, at: ledger.now()), unused: before?.left ?? 0)
            // Readable before it is served from: what the owner sees is never behind.
            let outcome = try await ledger.perform(.reserveRequests(command), as: .system, trace: trace)
            result = .success(try Self.granted(in: outcome, limit: limit, at: ledger.now()))
        } catch { result = .failure(outOfRequests(error, key, trace: trace)) }
        let waiting = state.withLock { state in
            // A block that could not be exchanged is kept, so that its rest can still be given back.
            do {
                var block = try result.get()
                state.blocksEver += 1
                block.number = state.blocksEver
                state.blocks[key.id] = block
            } catch { state.blocks[key.id] = before }
            return state.reserving.removeValue(forKey: key.id) ?? []
        }
        for continuation in waiting { continuation.resume(returning: result.map { _ in }) }
        _ = try result.get()
    }

    /// How large the next block is to be: at the pace of the last one. A clock that stands still, or goes back, says nothing
    /// about a pace.
    private static func size(after before: Block?, at now: Timestamp) -> Int64 {
        guard let before, before.left == 0 else { return blockRequests }
        let elapsed = now.microseconds - before.since.microseconds
        guard elapsed > 0 else { return blockRequests }
        return min(max(before.requests * blockMicroseconds / elapsed, blockRequests), largeBlockRequests)
    }

    /// The block that a decision granted.
    private static func granted(
        in outcome: LedgerService.Outcome, limit: Int64?, at now: Timestamp
    ) throws(APIError) -> Block {
        for envelope in outcome.events {
            let event: LedgerEvent
            do throws(PayloadError) { event = try LedgerEvent(envelope.event) } catch { throw .internalError }
            guard case .usageTick(let tick) = event, case .reserved(let requests) = tick.change else { continue }
            guard let day = Timestamp(tick.day + "T00:00:00Z") else { throw .internalError }
            return Block(left: requests, requests: requests, day: Self.day(of: day), limit: limit, since: now)
        }
        throw .internalError
    }

    /// A refused reservation as the caller and the key's owner learn of it.
    private func outOfRequests(_ error: APIError, _ key: KeyEntry, trace: String) -> APIError {
        guard error.code == .rateLimited else { return error }
        refusals.note(.monthlyLimit, of: key, trace: trace)
        let now = ledger.now()
        let end = ledger.read { $0.cycle }.advanced(to: now).end
        var error = error
        error.reason = KeyRefusal.monthlyLimit.rawValue
        error.retryAfterSeconds = Int((end.microseconds - now.microseconds + 999_999) / 1_000_000)
        return error
    }

    private func waitForReservation(of key: KeyID) async throws(APIError) {
        let result: Result<Void, APIError> = await withCheckedContinuation { continuation in
            let isWaiting = state.withLock { state in
                guard state.reserving[key] != nil else { return false }
                state.reserving[key]?.append(continuation)
                return true
            }
            if !isWaiting { continuation.resume(returning: .success(())) }
        }
        try result.get()
    }

    /// Gives back what was reserved and not used; at a clean stop, when nothing is counted any more.
    func returnRest(trace: String) async throws(APIError) {
        let blocks = state.withLock { state in
            defer { state.blocks = [:] }
            return state.blocks.filter { $0.value.left > 0 }
        }
        // Of a customer that was erased meanwhile nothing is counted any more.
        let rest = ledger.read { state in
            blocks.compactMap { keyID, block in
                state.key(keyID).flatMap { state.customer($0.customerID) }.map { _ in
                    ReturnRequests(keyID: keyID, requests: block.left)
                }
            }
        }
        for start in stride(from: 0, to: rest.count, by: Self.returnsAtOnce) {
            var submissions: [LedgerService.Submission] = []
            for command in rest[start..<min(start + Self.returnsAtOnce, rest.count)] {
                submissions.append(try ledger.submit(.returnRequests(command), as: .system, trace: trace))
            }
            for submission in submissions { _ = try await ledger.settle(submission) }
        }
    }

    /// Days since 1970-01-01 in UTC.
    private static func day(of time: Timestamp) -> Int64 {
        let (days, rest) = time.microseconds.quotientAndRemainder(dividingBy: 86_400_000_000)
        return rest < 0 ? days - 1 : days
    }
}

extension RequestMeter.State {
    /// Takes a request from the key's block, or says what must happen first.
    fileprivate mutating func step(_ key: KeyID, day: Int64, limit: Int64?) -> RequestMeter.Step {
        if countReserved(key, day: day, limit: limit) != nil { return .counted }
        if reserving[key] != nil { return .wait }
        reserving[key] = []
        return .reserve(before: blocks[key])
    }

    /// Takes a request from the key's block, if it has one that serves today under this limit.
    fileprivate mutating func countReserved(
        _ key: KeyID, day: Int64, limit: Int64?
    ) -> RequestMeter.Reservation? {
        today = max(today, day)
        // What is being exchanged serves nobody any more: its rest is on its way back to the log.
        guard reserving.isEmpty || reserving[key] == nil, var block = blocks[key], block.left > 0, block.day >= today,
            block.limit == limit
        else { return nil }
        block.left -= 1
        blocks[key] = block
        return RequestMeter.Reservation(key: key, block: block.number)
    }
}
