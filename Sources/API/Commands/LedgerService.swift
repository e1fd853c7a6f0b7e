import EventStore
import Ledger
import Synchronization

/// Where commands become events: one decision at a time against a state that already holds what is in flight to the
/// disk; many decisions share a sync; an answer waits until its events are durable and can be read.
final class LedgerService: Sendable {
    /// A decision that the disk holds and the projections show.
    struct Outcome: Sendable {
        let events: [Envelope]
        /// The tree after the commit that holds the events.
        let head: TreeHead
    }

    /// A decision whose place in the log is settled, on its way to the disk.
    struct Submission: Sendable {
        fileprivate let pending: PendingAppend
        let events: [Envelope]
    }

    let log: EventLog
    let projections: ProjectionFollower
    let now: @Sendable () -> Timestamp
    private let state: Mutex<State>
    /// The first failure of the disk that an append met; the log says so itself a moment later.
    private let writeFailure = Mutex<EventLogError?>(nil)

    init(log: EventLog, state: State, projections: ProjectionFollower, now: @escaping @Sendable () -> Timestamp) {
        self.log = log
        self.projections = projections
        self.now = now
        self.state = Mutex(state)
    }

    /// Why nothing can be recorded any more; nil while all is well.
    var failure: EventLogError? { log.failure ?? writeFailure.withLock { $0 } }

    /// Looks at the state, in flight included. Short: every decision waits meanwhile.
    func read<R: Sendable>(_ body: (borrowing State) -> R) -> R { state.withLock { body($0) } }

    /// Decides on `command`, makes the answer durable and readable.
    ///
    /// - Throws: the refusal, or `internalError` / `unavailable` when the log cannot take it.
    func perform(
        _ command: Command, as actor: Actor, trace: String, idempotency: Idempotency? = nil
    ) async throws(APIError) -> Outcome {
        try await complete(try submit(command, as: actor, trace: trace, idempotency: idempotency))
    }

    /// Waits until what was submitted is durable and can be read. When this throws, the events may be in the log all the
    /// same: only the next start knows.
    func complete(_ submission: Submission) async throws(APIError) -> Outcome {
        let outcome = try await settle(submission)
        try await projections.caughtUp(to: submission.pending.endSequence)
        return outcome
    }

    /// Answers when what was submitted is durable. Whoever asks for anything from then on can read it:
    /// ``ProjectionFollower/caughtUpWithAnswers()``.
    ///
    /// - Parameter answer: called once, on any thread; keep it to microseconds. Its errors are those of ``complete(_:)``.
    func answer(_ submission: Submission, then answer: @escaping @Sendable (Result<Outcome, APIError>) -> Void) {
        submission.pending.whenDurable { [self] result in
            switch outcome(of: submission, result) {
            case .success(let outcome):
                projections.promise(submission.pending.endSequence) { answer($0.map { outcome }) }
            case .failure(let error): answer(.failure(error))
            }
        }
    }

    /// Same, but does not wait until the events can be read.
    func commit(
        _ command: Command, as actor: Actor, trace: String, idempotency: Idempotency? = nil
    ) async throws(APIError) -> Outcome {
        try await settle(try submit(command, as: actor, trace: trace, idempotency: idempotency))
    }

    /// Waits until what was submitted is durable.
    func settle(_ submission: Submission) async throws(APIError) -> Outcome {
        let result: Result<AppendReceipt, EventLogError>
        do throws(EventLogError) { result = .success(try await submission.pending.durable()) } catch {
            result = .failure(error)
        }
        return try outcome(of: submission, result).get()
    }

    private func outcome(
        of submission: Submission, _ result: Result<AppendReceipt, EventLogError>
    ) -> Result<Outcome, APIError> {
        switch result {
        case .success(let receipt): return .success(Outcome(events: submission.events, head: receipt.head))
        case .failure(let error):
            writeFailure.withLock { $0 = $0 ?? error }
            return .failure(Self.error(for: error))
        }
    }

    /// Whether `command` would be allowed now; nothing happens.
    func check(_ command: Command, as actor: Actor, trace: String) throws(APIError) {
        let result: Result<Void, APIError> = state.withLock { state in
            Result { () throws(APIError) in
                let context = DecisionContext(at: now(), actor: actor, trace: trace)
                var generator = SystemRandomNumberGenerator()
                do throws(Refusal) { _ = try state.decide(command, in: context, using: &generator) } catch {
                    throw APIError(error)
                }
            }
        }
        try result.get()
    }

    /// Decides on `command`. When this throws, nothing of it is or will be in the log.
    func submit(
        _ command: Command, as actor: Actor, trace: String, idempotency: Idempotency? = nil
    ) throws(APIError) -> Submission {
        let result: Result<Submission, APIError> = state.withLock { state in
            Result { () throws(APIError) in
                try decide(command, DecisionContext(at: now(), actor: actor, trace: trace), idempotency, &state)
            }
        }
        return try result.get()
    }

    private func decide(
        _ command: Command, _ context: DecisionContext, _ idempotency: Idempotency?, _ state: inout State
    ) throws(APIError) -> Submission {
        var generator = RandomBatch()
        let decision: Decision
        do throws(Refusal) {
            decision = try state.decision(on: command, idempotency, in: context, using: &generator)
        } catch { throw APIError(error) }
        let pending: PendingAppend
        do throws(EventLogError) {
            pending = try log.submit(decision.drafts, expecting: state.position)
        } catch { throw Self.error(for: error) }
        // What was decided is legal by construction; if not, going on would acknowledge nonsense.
        do throws(ReplayError) {
            let place = state.position
            let events = try state.apply(decision)
            projections.decided.add(decision.events, at: place)
            return Submission(pending: pending, events: events)
        } catch { preconditionFailure("a decision contradicts the rules of replay: \(error)") }
    }

    /// Puts an event about the log itself into the log, in order with all decisions.
    ///
    /// - Parameter event: makes it for the place that it will have.
    func submit(
        logEvent event: (UInt64) throws(EventLogError) -> EventDraft
    ) throws(EventLogError) -> PendingAppend {
        let result: Result<PendingAppend, EventLogError> = state.withLock { state in
            Result { () throws(EventLogError) in
                let envelope = Envelope(sequence: state.position, event: try event(state.position))
                var next = state
                do throws(ReplayError) { try next.apply(envelope) } catch {
                    throw EventLogError(.signing, "the rules of the log refuse this: \(error)", cause: error)
                }
                let pending = try log.submit([envelope.event], expecting: envelope.sequence)
                state = next
                return pending
            }
        }
        return try result.get()
    }

    private static func error(for error: EventLogError) -> APIError {
        switch error.code {
        case .overloaded:
            APIError(.unavailable, "The server is overloaded. Try again in a moment.", retryAfterSeconds: 1)
        case .closed: .stopping
        case .tooLarge: APIError(.contentTooLarge, "The request is too large to be recorded.")
        default:
            APIError(
                .unavailable, "The ledger cannot write at the moment: nothing was done. Try again later.",
                retryAfterSeconds: 30)
        }
    }
}
