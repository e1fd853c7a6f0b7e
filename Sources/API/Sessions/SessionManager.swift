import Proofs
import EventStore
import Ledger
import Logging
import Sandbox
import Synchronization

/// The live sessions of this server: makes them, runs commands in them, ends them. The ledger decides; this performs.
final class SessionManager: Sendable {
    let ledger: LedgerService
    let logger: Logger
    let region: String
    let metrics: ServerMetrics
    private let sandbox: SandboxHost?
    private let layersMissing: [String]
    private let state = Mutex(State())
    private let expiry: ExpiryQueue

    private struct State {
        var live: [SessionID: LiveSession] = [:]
        /// Sessions whose event is decided and whose environment is still being made.
        var creating = 0
        /// Customers that are being erased: nothing begins for them.
        var closing: Set<CustomerID> = []
        /// Set when the server stops: no new sessions and commands from then on.
        var isStopping = false
    }

    /// - Parameter sandbox: nil when this machine cannot isolate; sessions are then refused.
    init(
        ledger: LedgerService, sandbox: SandboxHost?, layersMissing: [String], region: String, metrics: ServerMetrics,
        logger: Logger
    ) {
        self.ledger = ledger
        self.sandbox = sandbox
        self.layersMissing = layersMissing
        self.region = region
        self.metrics = metrics
        self.logger = logger
        expiry = ExpiryQueue()
    }

    /// What one session may take of the machine, in bytes; the workspace always below the memory.
    struct Room: Sendable, Equatable {
        let memoryBytes: Int64
        let workspaceBytes: Int64
    }

    /// Number of live environments.
    var count: Int { state.withLock { $0.live.count } }

    /// How many sessions are in which state.
    var counts: SessionCounts {
        let (live, creating) = state.withLock { (Array($0.live.values), $0.creating) }
        var counts = SessionCounts(creating: creating)
        for session in live {
            if session.isEnding {
                counts.ending += 1
            } else if session.environment.isExecuting {
                counts.executing += 1
            } else {
                counts.idle += 1
            }
        }
        return counts
    }

    /// Creates a session: the event and the environment are made side by side, so that one does not wait for the other.
    ///
    /// - Parameters:
    ///   - room: less than the plan gives; nil for all of it.
    ///   - request: forgotten again when the environment cannot be made, so that a repeat can try.
    ///   - idempotency: remembers `request` with the event.
    /// - Returns: the decided events.
    func create(
        _ classification: DataClassification, timeToLiveSeconds: Int64?, room: Room? = nil, by caller: Principal,
        trace: String, remembering request: IdempotentRequest? = nil, as idempotency: Idempotency? = nil
    ) async throws(APIError) -> [EventDraft] {
        guard let sandbox else { throw Self.cannotIsolate }
        try beginCreating(for: caller.customerID)
        defer { state.withLock { $0.creating -= 1 } }
        var generator = SystemRandomNumberGenerator()
        let id = SessionID(using: &generator)
        let plan = Plan.of(ledger.read { $0.customer(caller.customerID)?.tier ?? .free })
        let command = Command.createSession(
            CreateSession(
                sessionID: id, dataClassification: classification, region: region,
                timeToLiveSeconds: timeToLiveSeconds, layersMissing: layersMissing))
        let submission = try ledger.submit(command, as: caller.actor, trace: trace, idempotency: idempotency)
        let specification = SessionSpecification(
            sessionID: id.text, workspaceBytes: min(room?.workspaceBytes ?? .max, plan.workspaceBytes),
            memoryBytes: min(room?.memoryBytes ?? .max, plan.memoryBytes))
        // The disk and the kernel work at the same time.
        let environment: SessionEnvironment
        do throws(SandboxError) { environment = try await sandbox.create(specification) } catch {
            logger.error("no environment", metadata: ["session": .string(id.text), "error": .string("\(error)")])
            try await recordLoss(of: id, releasing: request, trace: trace)
            throw APIError(
                .unavailable, "No isolated environment could be made: \(error.message)", retryAfterSeconds: 5)
        }
        do throws(APIError) { _ = try await ledger.complete(submission) } catch {
            await discard(environment)
            throw error
        }
        let session = LiveSession(id: id, environment: environment)
        state.withLock { $0.live[id] = session }
        scheduleExpiry(of: id)
        watch(session)
        return submission.events.map(\.event)
    }

    /// Ends an environment whose session was not recorded; nothing ever ran in it.
    private func discard(_ environment: SessionEnvironment) async {
        do throws(DestructionFailure) { _ = try await environment.destroy() } catch {
            logger.error("an unused environment was not ended cleanly", metadata: ["error": .string("\(error)")])
        }
    }

    static let cannotIsolate = APIError(
        .unavailable, "This server cannot isolate sessions. Run `nrx-server doctor` on it to see what is missing.")

    private func beginCreating(for customer: CustomerID) throws(APIError) {
        let refusal = state.withLock { state -> APIError? in
            if state.isStopping { return .stopping }
            if state.closing.contains(customer) { return .beingErased }
            state.creating += 1
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Lets no session begin for a customer that is to be erased, until ``allowSessions(of:)``.
    ///
    /// - Returns: false when somebody else is erasing it.
    func refuseSessions(of customer: CustomerID) -> Bool {
        state.withLock { $0.closing.insert(customer).inserted }
    }

    func allowSessions(of customer: CustomerID) { state.withLock { _ = $0.closing.remove(customer) } }

    private func recordLoss(of id: SessionID, releasing request: IdempotentRequest?, trace: String)
        async throws(APIError)
    {
        _ = try await ledger.perform(
            .expireUnclean(ExpireUnclean(sessionID: id, reason: .environmentLost)), as: .system, trace: trace,
            idempotency: request.map { .release($0.keySHA256) })
        metrics.ended(.unclean(.environmentLost))
    }

    /// The live environment of a session that the ledger knows as live.
    func environment(of id: SessionID) throws(APIError) -> LiveSession {
        guard let session = state.withLock({ $0.live[id] }) else {
            throw APIError(.conflict, "The session has no environment any more. Create a new session.")
        }
        return session
    }

    /// The live session called `id`, or nil.
    func live(_ id: SessionID) -> LiveSession? { state.withLock { $0.live[id] } }

    func forget(_ id: SessionID) { state.withLock { _ = $0.live.removeValue(forKey: id) } }

    /// Refuses what would begin something new while the server stops.
    func checkNotStopping() throws(APIError) {
        if state.withLock({ $0.isStopping }) { throw .stopping }
    }

    private func scheduleExpiry(of id: SessionID) {
        guard let expiresAt = ledger.read({ $0.liveSession(id)?.expiresAt }) else { return }
        expiry.add(id, at: expiresAt)
    }

    /// Out of memory ends a session, with a full destruction and a proof; so does the end of its init, without one.
    private func watch(_ session: LiveSession) {
        Task { [weak self] in
            for await incident in session.environment.incidents {
                guard let self else { return }
                switch incident {
                case .outOfMemory:
                    self.note(await self.end(session.id, trigger: .outOfMemory, as: .system, trace: "oom"))
                case .died: await self.endLost(session)
                }
                return
            }
        }
    }

    private func note(_ result: Result<APIResponse, APIError>) {
        if case .failure(let error) = result {
            logger.error("a session was not ended cleanly", metadata: ["error": .string(error.message)])
        }
    }

    /// Ends sessions whose time is over until the task is cancelled.
    func runExpiry() async {
        while !Task.isCancelled {
            await endDue()
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
        }
    }

    /// Ends the sessions whose time is over now.
    func endDue() async {
        let due = expiry.takeDue(at: ledger.now())
        await withTaskGroup(of: Void.self) { group in
            for id in due where isLive(id) {
                group.addTask { self.note(await self.end(id, trigger: .timeToLive, as: .system, trace: "ttl")) }
            }
        }
    }

    private func isLive(_ id: SessionID) -> Bool { live(id) != nil }

    /// Refuses new work, gives running commands until `patience` is over, then ends every session with a proof. Reads
    /// and health still work afterwards.
    func stop(patience: Duration) async {
        state.withLock { $0.isStopping = true }
        let deadline = ContinuousClock.now.advanced(by: patience)
        while isBusy, ContinuousClock.now < deadline {
            do { try await Task.sleep(for: .milliseconds(20)) } catch { break }
        }
        await endAll(trace: "shutdown")
    }

    /// Gives up the sandbox; after ``stop(patience:)``, when nobody can ask any more.
    func close() async { await sandbox?.shutdown() }

    private var isBusy: Bool {
        state.withLock { state in state.creating > 0 || state.live.values.contains { $0.environment.isExecuting } }
    }

    private func endAll(trace: String) async {
        while true {
            let (ids, creating) = state.withLock { (Array($0.live.keys), $0.creating) }
            if ids.isEmpty, creating == 0 { break }
            await withTaskGroup(of: Void.self) { group in
                for id in ids {
                    group.addTask { self.note(await self.end(id, trigger: .shutdown, as: .system, trace: trace)) }
                }
            }
            // An environment that is still being made cannot be hurried; it takes some milliseconds.
            if ids.isEmpty { do { try await Task.sleep(for: .milliseconds(5)) } catch { break } }
        }
    }

    /// Sessions that a server left alive when it died can no longer be measured.
    func closeAbandoned(trace: String) async throws(APIError) -> Int {
        let ids = ledger.read { $0.liveSessions.map(\.id) }
        for id in ids {
            _ = try await ledger.perform(
                .expireUnclean(ExpireUnclean(sessionID: id, reason: .serverDied)), as: .system, trace: trace)
            metrics.ended(.unclean(.serverDied))
        }
        return ids.count
    }
}

/// Which session ends when, soonest first.
final class ExpiryQueue: Sendable {
    private let deadlines = Mutex<[SessionID: Timestamp]>([:])

    func add(_ id: SessionID, at deadline: Timestamp) { deadlines.withLock { $0[id] = deadline } }

    /// Removes and returns the sessions whose time is over.
    func takeDue(at now: Timestamp) -> [SessionID] {
        deadlines.withLock { deadlines in
            let due = deadlines.filter { $0.value <= now }.map(\.key)
            for id in due { deadlines[id] = nil }
            return due
        }
    }
}

extension APIError {
    static let beingErased = APIError(.conflict, "This account is being erased.")
}
