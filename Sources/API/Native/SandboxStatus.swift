import EventStore
import Sandbox
import Synchronization

/// Whether this machine can isolate sessions. Each answer comes from starting a real environment and looking at it from
/// both sides, which costs as much as a session: so it is kept for some seconds, and no crowd can make it run more often.
final class SandboxStatus: Sendable {
    let host: SandboxHost?
    /// Why there is no host.
    let failure: String?
    private let now: @Sendable () -> Timestamp
    private let latest = Mutex<Probe?>(nil)

    private struct Probe {
        let startedAt: Timestamp
        let task: Task<[LayerStatus], Never>
    }

    /// How long an answer holds.
    static let secondsKept: Int64 = 5

    init(host: SandboxHost?, failure: String?, now: @escaping @Sendable () -> Timestamp) {
        self.host = host
        self.failure = failure
        self.now = now
    }

    /// Each layer with whether it was seen working; none at all when the sandbox could not be set up.
    func layers() async -> [LayerStatus] {
        guard let host else {
            return Layer.allCases.map { LayerStatus(layer: $0, works: false, detail: failure ?? "no sandbox") }
        }
        return await probe(host).value
    }

    /// The probe that is still good, or a new one.
    func probe(_ host: SandboxHost) -> Task<[LayerStatus], Never> {
        let time = now()
        return latest.withLock { latest in
            if let latest, time < latest.startedAt.adding(seconds: Self.secondsKept), time >= latest.startedAt {
                return latest.task
            }
            let task = Task { await host.layers() }
            latest = Probe(startedAt: time, task: task)
            return task
        }
    }
}
