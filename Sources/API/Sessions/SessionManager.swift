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
    private let sandbox: SandboxHost?
    private let layersMissing: [String]
    private let live = Mutex<[SessionID: LiveSession]>([:])
    private let expiry: ExpiryQueue

    /// - Parameter sandbox: nil when this machine cannot isolate; sessions are then refused.
    init(ledger: LedgerService, sandbox: SandboxHost?, layersMissing: [String], region: String, logger: Logger) {
        self.ledger = ledger
        self.sandbox = sandbox
        self.layersMissing = layersMissing
        self.region = region
        self.logger = logger
        expiry = ExpiryQueue()
    }

    /// Number of live environments.
    var count: Int { live.withLock { $0.count } }

    /// Creates a session: the event and the environment are made side by side, so that one does not wait for the other.
    func create(_ classification: DataClassification, timeToLiveSeconds: Int64?, by caller: Principal, trace: String)
        async throws(APIError) -> SessionID
    {
        guard let sandbox else { throw Self.cannotIsolate }
        var generator = SystemRandomNumberGenerator()
        let id = SessionID(using: &generator)
        let plan = Plan.of(ledger.read { $0.customer(caller.customerID)?.tier ?? .free })
        let command = Command.createSession(
            CreateSession(
                sessionID: id, dataClassification: classification, region: region,
                timeToLiveSeconds: timeToLiveSeconds, layersMissing: layersMissing))
        let outcome = try await ledger.commit(command, as: caller.actor, trace: trace)
        let specification = SessionSpecification(
            sessionID: id.text, workspaceBytes: plan.workspaceBytes, memoryBytes: plan.memoryBytes)
        let environment: SessionEnvironment
        do throws(SandboxError) { environment = try await sandbox.create(specification) } catch {
            logger.error("no environment", metadata: ["session": .string(id.text), "error": .string("\(error)")])
            try await recordLoss(of: id, trace: trace)
            throw APIError(
                .unavailable, "No isolated environment could be made: \(error.message)", retryAfterSeconds: 5)
        }
        let session = LiveSession(id: id, environment: environment)
        live.withLock { $0[id] = session }
        scheduleExpiry(of: id)
        watchMemory(of: session)
        try await ledger.projections.caughtUp(to: (outcome.events.last?.sequence ?? 0) + 1)
        return id
    }

    static let cannotIsolate = APIError(
        .unavailable, "This server cannot isolate sessions. Run `nrx-server doctor` on it to see what is missing.")

    private func recordLoss(of id: SessionID, trace: String) async throws(APIError) {
        _ = try await ledger.perform(
            .expireUnclean(ExpireUnclean(sessionID: id, reason: .environmentLost)), as: .system, trace: trace)
    }

    /// The live environment of a session that the ledger knows as live.
    func environment(of id: SessionID) throws(APIError) -> LiveSession {
        guard let session = live.withLock({ $0[id] }) else {
            throw APIError(.conflict, "The session has no environment any more. Create a new session.")
        }
        return session
    }

    func forget(_ id: SessionID) { live.withLock { _ = $0.removeValue(forKey: id) } }

    private func scheduleExpiry(of id: SessionID) {
        guard let expiresAt = ledger.read({ $0.liveSession(id)?.expiresAt }) else { return }
        expiry.add(id, at: expiresAt)
    }

    /// Out of memory ends a session, with a full destruction and a proof.
    private func watchMemory(of session: LiveSession) {
        Task { [weak self] in
            for await incident in session.environment.incidents {
                guard let self else { return }
                // An init that died took everything with it: what is left is destroyed and measured all the same.
                let trace = incident == .outOfMemory ? "oom" : "died"
                let result = await self.end(session.id, trigger: .outOfMemory, as: .system, trace: trace)
                if case .failure(let error) = result {
                    self.logger.error("destruction failed", metadata: ["error": .string(error.message)])
                }
                return
            }
        }
    }

    /// Ends sessions whose time is over until the task is cancelled.
    func runExpiry() async {
        while !Task.isCancelled {
            let due = expiry.takeDue(at: ledger.now())
            await withTaskGroup(of: Void.self) { group in
                for id in due {
                    group.addTask {
                        if case .failure(let error) = await self.end(
                            id, trigger: .timeToLive, as: .system, trace: "ttl")
                        {
                            self.logger.error(
                                "expiry failed",
                                metadata: ["session": .string(id.text), "error": .string(error.message)])
                        }
                    }
                }
            }
            do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
        }
    }

    /// Ends every live session with a proof; at a clean stop.
    func endAll(trace: String) async {
        let ids = live.withLock { Array($0.keys) }
        await withTaskGroup(of: Void.self) { group in
            for id in ids {
                group.addTask { _ = await self.end(id, trigger: .shutdown, as: .system, trace: trace) }
            }
        }
        await sandbox?.shutdown()
    }

    /// Sessions that a server left alive when it died can no longer be measured.
    func closeAbandoned(trace: String) async throws(APIError) -> Int {
        let ids = ledger.read { $0.liveSessions.map(\.id) }
        for id in ids {
            _ = try await ledger.commit(
                .expireUnclean(ExpireUnclean(sessionID: id, reason: .serverDied)), as: .system, trace: trace)
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
