import EventStore
import Hummingbird
import Ledger
public import Logging
import NIOCore
import Projections
import Sandbox
import ServiceLifecycle
import Synchronization
import UnixSignals
import Vault

/// The whole backend in one process: vault, log, projections, sandbox, HTTP. The one place where they meet.
///
/// ```swift
/// let server = try await Server.start(configuration: configuration, logger: logger)
/// try await server.run { print("listening on \($0)") }
/// ```
public struct Server: Sendable {
    let configuration: ServerConfiguration
    let logger: Logger
    let vault: Vault
    let log: EventLog
    let store: ProjectionStore
    let ledger: LedgerService
    let sessions: SessionManager
    let refusals: KeyRefusals
    let meter: RequestMeter
    let clients: ClientAddress
    let limits: RequestLimits
    let desk: IdempotencyDesk
    let secrets: IdempotencySecrets
    let identity: Identity
    let billing: BillingService
    let backups: BackupService
    let erasure: AccountErasure
    let rotator: LogKeyRotator
    let metrics: ServerMetrics
    let startedAt: Timestamp
    /// Nil where no witness is configured.
    let witnesses: WitnessClient?
    /// Nil where agents are not probed.
    let prober: AgentProber?
    let routes: [Route]
    let webSockets: [WebSocketRoute]

    /// Opens everything, replays the log, and closes what a dead server left behind. Blocking work happens on a thread
    /// of its own.
    ///
    /// - Throws: ``ServerError`` saying what to do.
    public static func start(configuration: ServerConfiguration, logger: Logger) async throws -> Server {
        try await start(configuration: configuration, surroundings: Surroundings(), logger: logger)
    }

    static func start(configuration: ServerConfiguration, surroundings: Surroundings, logger: Logger) async throws
        -> Server
    {
        let opened = try await SerialWorker(name: "nrx.start").run { () throws in
            // A certificate that cannot be used is found out before anything is made or opened.
            _ = try HTTPFront(configuration: configuration, dialect: .native)
            return try OpenedData(configuration: configuration, surroundings: surroundings, logger: logger)
        }
        return try await Server(opened, configuration: configuration, surroundings: surroundings, logger: logger)
    }

    private init(
        _ opened: OpenedData, configuration: ServerConfiguration, surroundings: Surroundings, logger: Logger
    ) async throws {
        let now = surroundings.now
        (metrics, startedAt) = (surroundings.metrics, now())
        self.configuration = configuration
        self.logger = logger
        (vault, log, store) = (opened.vault, opened.log, opened.store)
        let projections = ProjectionFollower(store: opened.store, logger: logger)
        projections.start(following: opened.log)
        ledger = LedgerService(log: opened.log, state: opened.state, projections: projections, now: now)
        // Sign-ups whose data keys became durable together are decided together, and share the next sync as well.
        opened.vault.answerTogether { [weak log = opened.log] answers in
            if let log { log.gathering(answers) } else { answers() }
        }
        let sandbox = Self.sandbox(configuration, now: now, logger)
        rotator = LogKeyRotator(
            log: opened.log, vault: opened.vault,
            submit: { [ledger] (event) throws(EventLogError) in try ledger.submit(logEvent: event) })
        sessions = SessionManager(
            ledger: ledger, sandbox: sandbox.host, layersMissing: configuration.allowedMissingLayers,
            region: configuration.region, metrics: surroundings.metrics, logger: logger)
        refusals = KeyRefusals(ledger: ledger, logger: logger)
        meter = RequestMeter(ledger: ledger, refusals: refusals)
        clients = ClientAddress(trustedProxies: try configuration.trustedProxyRanges())
        desk = IdempotencyDesk(ledger: ledger, store: opened.store)
        secrets = IdempotencySecrets(vaultSecret: opened.vault.idempotencySecret())
        limits = RequestLimits(limitsAddresses: configuration.limitsAddresses, uptime: surroundings.uptime)
        witnesses =
            configuration.witnesses.isEmpty
            ? nil : WitnessClient(witnesses: configuration.witnesses, log: opened.log, logger: logger)
        // A sign-up whose event never came left a reserved address: it is free again.
        let known = Set(opened.state.customerIDs.map(\.text))
        let orphans = try await opened.vault.removeOrphans(known: known)
        if !orphans.isEmpty {
            logger.info(
                "reservations without a sign-up removed", metadata: ["count": .stringConvertible(orphans.count)])
        }
        try await Self.freeUnusedEmails(opened, logger)
        identity = try await Identity(
            ledger: ledger, store: opened.store, vault: opened.vault, surroundings: surroundings, logger: logger)
        billing = BillingService(
            stripe: configuration.stripe,
            client: configuration.stripe.secretKey.map {
                StripeClient(url: configuration.stripe.url, secretKey: $0, logger: logger)
            }, ledger: ledger, reads: ReadModel(store: opened.store), vault: opened.vault, secrets: identity.secrets,
            ownURL:
                "http\(configuration.tlsCertificateFile == nil ? "" : "s")://\(configuration.host):\(configuration.port)/",
            logger: logger)
        backups = BackupService(
            ledger: ledger, vault: opened.vault, dataDirectory: configuration.dataDirectory,
            masterKeyFile: configuration.masterKeyFile, logger: logger)
        erasure = AccountErasure(
            ledger: ledger, vault: opened.vault, sessions: sessions, billing: billing, backups: backups, logger: logger)
        try await projections.caughtUp(to: opened.log.head.size)
        try opened.store.finishRebuild()
        let abandoned = try await sessions.closeAbandoned(trace: "startup")
        if abandoned > 0 {
            logger.warning(
                "sessions of a dead server are expired_unclean", metadata: ["count": .stringConvertible(abandoned)])
        }
        try await backups.resume(trace: "startup")
        let reads = ReadModel(store: opened.store)
        prober = configuration.probeAgentsSeconds.map { [ledger] seconds in
            AgentProber(
                intervalSeconds: seconds, allowsPrivate: configuration.probesPrivateAddresses, ledger: ledger,
                reads: reads, logger: logger)
        }
        let guests = GuestRoutes(
            keys: KeyManagement(ledger: ledger, reads: reads, meter: meter), signIns: identity.signIns,
            registry: try AgentRegistry(ledger: ledger, reads: reads, vault: opened.vault),
            nandaKeysAreRequired: configuration.nandaKeys == .required,
            reputation: AgentReputation(isMeasuring: prober != nil), reads: reads, ledger: ledger,
            sessions: sessions, identity: identity, backups: backups,
            node: NurosentrixNode(
                origin: opened.log.origin, region: configuration.region, host: configuration.host,
                startedAt: ledger.now(), canIsolate: sandbox.host != nil),
            dataDirectory: configuration.dataDirectory,
            workspaces: NanoTermWorkspaces(
                sessions: sessions, reads: reads, ledger: ledger, directory: WorkspaceDirectory(ledger: ledger)))
        webSockets = guests.webSockets
        routes = DocumentRoutes.completing(
            Self.routes(
                ledger: ledger, reads: reads, vault: opened.vault, sessions: sessions,
                meter: meter, sandbox: sandbox, directory: DataDirectoryStatus(path: configuration.dataDirectory),
                region: configuration.region, hasWitnesses: !configuration.witnesses.isEmpty, prober: prober)
                + identity.routes
                + guests.routes
                + BillingRoutes(billing: billing).routes
                + AccountRoutes(
                    reads: ReadModel(store: opened.store), ledger: ledger, secrets: identity.secrets,
                    signIns: identity.signIns, erasure: erasure
                ).routes)
    }

    /// Members whose event never came, or whose removal was recorded but not carried out: their e-mails are free again.
    private static func freeUnusedEmails(_ opened: OpenedData, _ logger: Logger) async throws {
        let known = Set(opened.state.memberIDs.map(\.text))
        let orphans = try await opened.vault.removeOrphanMembers(known: known)
        if !orphans.isEmpty {
            logger.info("e-mails of nobody's are free", metadata: ["count": .stringConvertible(orphans.count)])
        }
    }

    /// A machine that cannot isolate still serves accounts, proofs and the log; it refuses sessions and says why.
    private static func sandbox(
        _ configuration: ServerConfiguration, now: @escaping @Sendable () -> Timestamp, _ logger: Logger
    ) -> SandboxStatus {
        var sandbox = SandboxConfiguration(stateDirectory: configuration.dataDirectory + "/sandbox")
        sandbox.initPath = configuration.initPath
        sandbox.warmPoolSize = configuration.warmPoolSize
        sandbox.allowedMissingLayers = Set(configuration.allowedMissingLayers.compactMap(Layer.init(rawValue:)))
        do throws(SandboxError) {
            return SandboxStatus(
                host: try SandboxHost(configuration: sandbox, logger: logger), failure: nil, now: now)
        } catch {
            logger.error(
                "sessions are refused: this machine cannot isolate them", metadata: ["error": .string("\(error)")])
            return SandboxStatus(host: nil, failure: error.message, now: now)
        }
    }

    static func routes(
        ledger: LedgerService, reads: ReadModel, vault: Vault, sessions: SessionManager, meter: RequestMeter,
        sandbox: SandboxStatus, directory: DataDirectoryStatus, region: String, hasWitnesses: Bool = false,
        prober: AgentProber? = nil
    ) -> [Route] {
        SessionRoutes(sessions: sessions, reads: reads).routes
            + SessionListRoute(reads: reads).routes
            + FileRoutes(sessions: sessions, reads: reads, ledger: ledger).routes
            + EventRoutes(reads: reads, ledger: ledger).routes
            + ProofListRoute(reads: reads).routes
            + UsageRoute(reads: reads, now: ledger.now).routes
            + ExecRoute(sessions: sessions, reads: reads).routes
            + ProofRoutes(reads: reads, log: ledger.log).routes
            + LogRoutes(log: ledger.log, hasWitnesses: hasWitnesses).routes
            + VerifyPage().routes(logKey: { ledger.log.verifierKey })
            + APIKeyRoutes(keys: KeyManagement(ledger: ledger, reads: reads, meter: meter)).routes
            + HealthRoute(
                ledger: ledger, reads: reads, vault: vault, directory: directory, sandbox: sandbox, region: region,
                startedAt: ledger.now(), prober: prober
            ).routes
    }

    private var authenticator: Authenticator {
        Authenticator(keys: store.keys, refusals: refusals, now: ledger.now)
    }

    private var memberAuthenticator: MemberAuthenticator {
        MemberAuthenticator(tokens: identity.tokens, ledger: ledger)
    }

    /// Where connections become WebSockets.
    func webSocketDoor(_ socketLimits: WebSocketLimits = .init()) -> WebSocketDoor {
        WebSocketDoor(
            routes: webSockets, authenticator: authenticator, memberAuthenticator: memberAuthenticator, meter: meter,
            clients: clients, limits: limits,
            leases: WebSocketLeases(limits: socketLimits, limitsAddresses: configuration.limitsAddresses),
            allowedOrigins: Set(configuration.allowedOrigins), ledger: ledger, metrics: metrics, logger: logger)
    }

    private var admission: RequestAdmission {
        RequestAdmission(
            authenticator: authenticator, memberAuthenticator: memberAuthenticator, meter: meter, limits: limits)
    }

    private var frame: RequestFrame {
        RequestFrame(
            clients: clients, limits: limits,
            crossOrigin: CrossOrigin(allowedOrigins: Set(configuration.allowedOrigins)), metrics: metrics,
            logger: logger)
    }

    /// The router with every route, for the HTTP server and for tests.
    func router() -> Router<APIRequestContext> {
        RouterBuilder(
            answering: RouteAnswering(admission: admission, desk: desk, secrets: secrets, sessions: sessions),
            projections: ledger.projections,
            frame: frame
        ).router(for: routes)
    }

    /// The way past the router for what can be answered at once.
    var immediateAnswering: ImmediateAnswering { immediateAnswering(routes) }

    func immediateAnswering(_ routes: [Route]) -> ImmediateAnswering {
        ImmediateAnswering(
            routes: ImmediateRoutes(routes, metrics: metrics.requests), admission: admission, frame: frame,
            serverName: Self.name)
    }

    private static let name = "nrx-ledger"

    /// Where the operator's commands come in.
    var adminSocket: AdminSocket {
        AdminSocket(
            path: AdminSocket.path(dataDirectory: configuration.dataDirectory),
            routes: AdminRoutes(
                ledger: ledger, reads: ReadModel(store: store), vault: vault, identity: identity, erasure: erasure,
                rotator: rotator
            ).routes + [metricsRoute.route], dialect: .native, projections: ledger.projections, logger: logger)
    }

    /// What the operator's Prometheus reads.
    var metricsRoute: MetricsRoute {
        MetricsRoute(metrics: metrics, ledger: ledger, sessions: sessions, startedAt: startedAt)
    }

    /// Serves until SIGTERM or SIGINT, then stops cleanly: no new work, running commands end or time out, sessions are
    /// destroyed with proofs, the last checkpoint is signed.
    ///
    /// - Parameter ready: called with the server's URL once requests are accepted.
    public func run(ready: @escaping @Sendable (String) -> Void) async throws {
        let host = configuration.host
        let front = try HTTPFront(configuration: configuration, dialect: .native)
        let adminSocket = adminSocket
        let metricsListener = configuration.metricsAddress.map {
            MetricsListener(address: $0, route: metricsRoute, logger: logger)
        }
        let listeners = Listeners(
            awaited: 1 + (adminSocket.isPossible ? 1 : 0) + (metricsListener == nil ? 0 : 1), ready: ready)
        let app = Application(
            router: router(), server: front.builder(webSocketDoor(), immediateAnswering),
            configuration: .init(
                address: .hostname(host, port: configuration.port), serverName: Self.name,
                availableConnectionsDelegate: front.connectionLimit(logger)),
            onServerRunning: { channel in
                listeners.isUp(
                    "\(front.scheme)://\(host.contains(":") ? "[\(host)]" : host):\(channel.localAddress?.port ?? 0)")
            }, logger: FrameworkLogHandler.logger(writingTo: logger))
        let expiry = Task { [sessions] in await sessions.runExpiry() }
        let graces = Task { [billing] in await billing.runGraces() }
        let witnessing = Task { [witnesses] in await witnesses?.run() }
        let probing = Task { [prober] in await prober?.run() }
        let patience = Duration.seconds(configuration.shutdownSecondsMax)
        let admin = try adminSocket.application { listeners.isUp(nil) }
        // Stopped in the reverse order: sessions end while their callers can still be answered, then HTTP.
        var group = ServiceGroupConfiguration(
            services: [
                .init(service: app, successTerminationBehavior: .gracefullyShutdownGroup),
                .init(service: SessionEnding(sessions: sessions, patience: patience)),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        if let admin {
            group.services.insert(
                .init(service: admin, successTerminationBehavior: .gracefullyShutdownGroup), at: 0)
        }
        if let metricsListener {
            let service = metricsListener.application { listeners.isUp(nil) }
            group.services.insert(.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup), at: 0)
        }
        group.maximumGracefulShutdownDuration = patience + Self.destructionDurationMax
        let failure: (any Error)?
        do {
            try await ServiceGroup(configuration: group).run()
            failure = nil
        } catch { failure = error }
        expiry.cancel()
        graces.cancel()
        witnessing.cancel()
        probing.cancel()
        await witnessing.value
        await probing.value
        try await stop()
        if let failure = failure as? IOError {
            let metrics = configuration.metricsAddress.map { " or, for metrics, on \($0.host):\($0.port)" } ?? ""
            throw ServerError(
                "cannot listen on \(host):\(configuration.port)\(metrics): \(failure). Choose another --port or --host"
                    + (metrics.isEmpty ? "." : ", or another --metrics-address."))
        }
        if let failure { throw failure }
    }

    /// How long the destruction of every session may take at a stop, beyond the patience with running commands.
    private static let destructionDurationMax = Duration.seconds(30)

    /// Ends the sessions with proofs, returns reserved requests, signs, closes.
    func stop() async throws {
        await sessions.stop(patience: .zero)
        await sessions.close()
        await backups.stop()
        do { try await meter.returnRest(trace: "shutdown") } catch {
            logger.error("reserved requests were not returned", metadata: ["error": .string(error.message)])
        }
        await prober?.finish()
        await witnesses?.finish()
        // Whatever fails, the others are closed too.
        let logClosed: Result<Void, EventLogError>
        do throws(EventLogError) { logClosed = .success(try await log.close()) } catch { logClosed = .failure(error) }
        await ledger.projections.ended()
        let store = store
        try await SerialWorker(name: "nrx.stop").run { () throws in try store.close() }
        try await vault.close()
        try logClosed.get()
    }
}

/// At a clean stop: no new work, running commands end or are ended, every session is destroyed with a proof.
private struct SessionEnding: Service {
    let sessions: SessionManager
    let patience: Duration

    func run() async throws {
        try await gracefulShutdown()
        await sessions.stop(patience: patience)
    }
}

/// Says that the server is ready when everything listens: whoever waits for that line may use all of it at once.
private final class Listeners: Sendable {
    private struct State {
        var awaited: Int
        var url: String?
    }

    private let state: Mutex<State>
    private let ready: @Sendable (String) -> Void

    init(awaited: Int, ready: @escaping @Sendable (String) -> Void) {
        state = Mutex(State(awaited: awaited))
        self.ready = ready
    }

    /// One more listens; the one for requests says where.
    func isUp(_ url: String?) {
        let complete = state.withLock { state -> String? in
            state.awaited -= 1
            state.url = url ?? state.url
            return state.awaited == 0 ? state.url : nil
        }
        if let complete { ready(complete) }
    }
}
