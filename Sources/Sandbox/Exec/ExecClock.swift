/// When a running command must be asked to end, when it must be made to, and when its output has been waited for long
/// enough. A pure state machine over monotonic microseconds; ``ExecRunner`` performs what it says.
struct ExecClock {
    enum Phase: Equatable { case running, terminating, killed, draining }
    enum Action: Equatable { case none, terminate, kill, finish }

    private(set) var phase = Phase.running
    private(set) var timedOut = false
    /// When `phase` ends by itself; nil is never.
    private var deadline: Int64?
    private let grace: Int64
    private let drain: Int64

    init(start: Int64, timeout: Int64?, grace: Int64, drain: Int64) {
        deadline = timeout.map { start + $0 }
        self.grace = grace
        self.drain = drain
    }

    /// How long may be waited before ``tick(now:)`` is due, in milliseconds; -1 is for ever.
    func wait(now: Int64) -> Int32 {
        guard let deadline else { return -1 }
        return Int32(clamping: max(0, (deadline - now + 999) / 1_000))
    }

    /// What is due at `now`.
    mutating func tick(now: Int64) -> Action {
        guard let deadline, now >= deadline else { return .none }
        switch phase {
        case .running:
            phase = .terminating
            timedOut = true
            self.deadline = deadline + grace
            return .terminate
        case .terminating:
            phase = .killed
            self.deadline = nil
            return .kill
        case .killed: return .none
        case .draining: return .finish
        }
    }

    /// The command has ended: what it left in its pipes may be read a little longer.
    mutating func ended(now: Int64) {
        phase = .draining
        deadline = now + drain
    }
}
