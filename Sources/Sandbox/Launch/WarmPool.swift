import CLinux
import Synchronization

/// Environments that are started before anybody asks, each for one session only. A session that finds one ready costs
/// its limits and nothing else; the place is filled again behind it.
final class WarmPool: Sendable {
    private struct State {
        var ready: [RawEnvironment] = []
        /// Being started now.
        var starting = 0
        var isClosed = false
    }

    /// tmpfs size of an environment that waits; each session gets its own.
    static let workspaceBytes: Int64 = 1 << 20

    private let state = Mutex(State())
    private let size: Int
    private let launcher: Launcher
    private let threads: WorkerThreads

    /// - Parameter size: environments to hold; each costs about a megabyte and two processes.
    init(size: Int, launcher: Launcher, threads: WorkerThreads) {
        self.size = max(size, 0)
        self.launcher = launcher
        self.threads = threads
    }

    /// A ready environment, or nil when there is none now.
    func take() -> RawEnvironment? {
        while let environment = state.withLock({ $0.ready.isEmpty ? nil : $0.ready.removeFirst() }) {
            if nrx_pidfd_wait(environment.initDescriptor.number, 0) == 0 { return environment }
            // It ended while it waited; nothing of it was ever used.
            environment.abandon()
        }
        return nil
    }

    /// Starts as many environments as are missing, on threads of their own.
    func refill() {
        let missing = state.withLock { state in
            let count = state.isClosed ? 0 : size - state.ready.count - state.starting
            state.starting += max(count, 0)
            return max(count, 0)
        }
        for _ in 0..<missing { threads.start { [self] in startOne() } }
    }

    private func startOne() {
        // A start that fails here fails again, with its reason, for the session that then starts cold.
        let environment = try? launcher.launch(workspaceBytes: Self.workspaceBytes)
        let isUnwanted = state.withLock { state in
            state.starting -= 1
            guard let environment, !state.isClosed else { return true }
            state.ready.append(environment)
            return false
        }
        if isUnwanted { environment?.abandon() }
    }

    /// How many are ready.
    var count: Int { state.withLock { $0.ready.count } }

    /// Ends all that wait, and those that are being started once they are up.
    func close() {
        let ready = state.withLock { state in
            defer { state.ready = [] }
            state.isClosed = true
            return state.ready
        }
        for environment in ready { environment.abandon() }
    }

    /// Whether nothing is left to come.
    var isDrained: Bool { state.withLock { $0.isClosed && $0.starting == 0 } }
}
