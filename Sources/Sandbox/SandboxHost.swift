import CLinux
import Glibc
public import Logging
import Synchronization

/// Makes and ends the isolated environments of one server.
///
/// ```swift
/// let host = try SandboxHost(configuration: .init(stateDirectory: "data/sandbox"), logger: logger)
/// let environment = try await host.create(SessionSpecification(sessionID: id))
/// ```
public final class SandboxHost: Sendable {
    /// What a dead server with the same state directory had left and is removed now.
    public let leftovers: Leftovers
    private let services: HostServices
    let launcher: Launcher
    let pool: WarmPool
    let stateLock: Descriptor
    private let logger: Logger

    /// Finds bubblewrap, nrx-init and the cgroups, and removes what a dead server left.
    ///
    /// - Throws: `configuration` when a program is missing or another server uses the state directory; `layerMissing`
    ///   when there are no cgroup limits and the configuration does not allow that.
    public init(configuration: SandboxConfiguration, logger: Logger) throws(SandboxError) {
        self.logger = logger
        let bubblewrap = try HostPrograms.bubblewrap(configuration)
        let initProgram = try HostPrograms.initProgram(configuration)
        stateLock = try HostState.lock(configuration.stateDirectory)
        let name = HostState.cgroupName(configuration.stateDirectory)
        let isLeftOut = configuration.leftOutLayers.contains(.cgroupLimits)
        let cgroups = isLeftOut ? nil : try Self.cgroups(named: name, configuration)
        leftovers = cgroups.map { Leftovers.remove(from: $0) } ?? Leftovers()
        if !leftovers.isNothing {
            logger.warning(
                "removed what a dead server left",
                metadata: ["environments": "\(leftovers.environments)", "processes": "\(leftovers.processes)"])
        }
        let subreaper = nrx_become_subreaper()
        guard subreaper == 0 else { throw .system("cannot become the reaper of orphans", subreaper) }
        services = HostServices(configuration: configuration, watcher: try EventWatcher())
        let make = { (missing: Set<Layer>) throws(SandboxError) -> Launcher in
            try Launcher(
                configuration: configuration, bubblewrap: bubblewrap, initProgram: initProgram, cgroups: cgroups,
                missingLayers: missing)
        }
        var missing: Set<Layer> = cgroups == nil ? [.cgroupLimits] : []
        missing.formUnion(configuration.leftOutLayers)
        if !configuration.allowedMissingLayers.subtracting(missing).isEmpty {
            missing = MissingLayers.find(allowed: configuration.allowedMissingLayers, without: missing) {
                (missing) throws(SandboxError) in
                let launcher = try make(missing)
                defer { launcher.spawner.end() }
                try launcher.launch(workspaceBytes: WarmPool.workspaceBytes).abandon()
            }
        }
        launcher = try make(missing)
        // Only root can give a mounted tmpfs another size, which a ready environment needs for its session.
        let poolSize = geteuid() == 0 ? configuration.warmPoolSize : 0
        pool = WarmPool(size: poolSize, launcher: launcher, threads: services.threads)
        pool.refill()
    }

    /// The machine's cgroups, when they can limit memory, processes and processor time.
    private static func cgroups(named name: String, _ configuration: SandboxConfiguration) throws(SandboxError)
        -> CgroupHost?
    {
        let isOptional = configuration.allowedMissingLayers.contains(.cgroupLimits)
        do throws(SandboxError) {
            let found = try CgroupHost.discover(name: name)
            let missing = found?.missing ?? CgroupHost.Controller.allCases
            guard !missing.isEmpty, !isOptional else { return found }
            throw SandboxError(
                .layerMissing,
                "no cgroup controller for \(missing.map(\.rawValue).joined(separator: ", ")): mount cgroup v2 "
                    + "(mount -t cgroup2 none /sys/fs/cgroup) and delegate these controllers to the server",
                place: Layer.cgroupLimits.rawValue)
        } catch {
            if isOptional { return nil }
            throw error
        }
    }

    /// How many environments are started and wait for a session.
    public var warmCount: Int { pool.count }

    /// How often a destruction waited for the kernel until its patience was over: 0 on a machine that is well.
    public var exhaustedWaits: Int { services.exhaustedWaits.load(ordering: .sequentiallyConsistent) }

    /// Starts the environment of a session. Costs a few milliseconds, less when one is ready.
    ///
    /// - Throws: `layerMissing` naming what this machine lacks; nothing ever runs without isolation.
    public func create(_ specification: SessionSpecification) async throws(SandboxError) -> SessionEnvironment {
        try specification.validate()
        let environment = try await services.threads.run { [launcher, pool, services] () throws(SandboxError) in
            var ready = pool.take()
            if ready == nil { ready = try launcher.launch(workspaceBytes: specification.workspaceBytes) }
            guard let raw = ready else { throw SandboxError(.startFailed, "no environment came up") }
            do throws(SandboxError) {
                try raw.configure(specification)
                return try SessionEnvironment(specification: specification, raw: raw, host: services)
            } catch {
                raw.abandon()
                throw error
            }
        }
        pool.refill()
        try services.remember(environment)
        return environment
    }

    /// Tests every layer for real: starts an environment and looks at it from outside and inside.
    public func layers() async -> [LayerStatus] {
        let launcher = launcher
        return await services.threads.run { () throws(Never) in LayerProbe(launcher: launcher).run() }
    }

    /// Refuses new environments and destroys those that are left, without keeping their evidence.
    public func shutdown() async {
        for environment in services.close() {
            do throws(DestructionFailure) { _ = try await environment.destroy() } catch {
                logger.error("a session was not destroyed cleanly", metadata: ["failure": "\(error)"])
            }
        }
        pool.close()
        // Environments that are still being started end as soon as they are up.
        while !pool.isDrained { try? await Task.sleep(for: .milliseconds(2)) }
        launcher.spawner.end()
        services.watcher.end()
        let threads = services.threads
        for hierarchy in launcher.cgroups?.hierarchies ?? [] {
            let base = CgroupDirectory(path: hierarchy.base, version: hierarchy.version)
            await threads.run { () throws(Never) in _ = base.remove(timeoutMilliseconds: 500) }
        }
        HostState.unlock(stateLock)
    }
}

/// What environments need of their host.
final class HostServices: Sendable {
    let configuration: SandboxConfiguration
    let threads = WorkerThreads()
    let watcher: EventWatcher
    let exhaustedWaits = Atomic(0)
    let ownNamespaces = ProcessSurvey.OwnNamespaces.current()
    private let live = Mutex<(isClosed: Bool, environments: [String: SessionEnvironment])>((false, [:]))

    init(configuration: SandboxConfiguration, watcher: EventWatcher) {
        self.configuration = configuration
        self.watcher = watcher
    }

    func remember(_ environment: SessionEnvironment) throws(SandboxError) {
        let isRefused = live.withLock { live in
            if !live.isClosed { live.environments[environment.raw.identity] = environment }
            return live.isClosed
        }
        if isRefused {
            environment.raw.abandon()
            throw SandboxError(.gone, "the server is shutting down")
        }
    }

    func forget(_ environment: SessionEnvironment) {
        _ = live.withLock { $0.environments.removeValue(forKey: environment.raw.identity) }
    }

    func close() -> [SessionEnvironment] {
        live.withLock { live in
            live.isClosed = true
            return Array(live.environments.values)
        }
    }
}

extension RawEnvironment {
    /// Ends an environment that never held anything of a session.
    func abandon() {
        _ = kill(timeoutMilliseconds: 5_000)
        tmpfs.close()
        _ = cgroup?.whole.killAll(timeoutMilliseconds: 1_000)
        _ = cgroup?.remove(timeoutMilliseconds: 1_000)
    }
}
