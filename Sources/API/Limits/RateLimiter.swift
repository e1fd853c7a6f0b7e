import Synchronization

/// Limits how often each of many callers may do something. Exact under any parallelism: one lock, held for a look-up.
///
/// ```swift
/// let signIns = RateLimiter<InternetAddress>(now: uptime)
/// let verdict = signIns.admit(address, under: .perMinute(5))
/// if !verdict.isAllowed { throw .rateLimited(verdict) }
/// ```
///
/// Memory is bounded: at most ``callersMax`` callers are remembered each by itself. While so many are active that there
/// is no room, newcomers share ``sharedWindowsMax`` windows by a keyed hash. Nobody who still owes is ever forgotten, so
/// a flood of addresses cannot wash its own debt away, and a caller who is remembered is not hurt by the flood.
final class RateLimiter<Caller: Hashable & Sendable>: Sendable {
    private struct State {
        var windows: [Caller: RequestWindow] = [:]
        /// Of newcomers who found no room.
        var shared: [Int: RequestWindow] = [:]
        var latest = Int64.min
        var nextSweep = Int64.min
    }

    /// Callers remembered each by itself.
    let callersMax: Int
    /// Windows that newcomers share while there is no room.
    let sharedWindowsMax: Int
    private let now: @Sendable () -> Int64
    private let hashSeed = UInt64.random(in: .min ... .max)
    private let state = Mutex(State())

    /// - Parameter now: microseconds of a clock that does not follow the wall clock; one that goes back is held still.
    init(callersMax: Int = 65_536, sharedWindowsMax: Int = 4_096, now: @escaping @Sendable () -> Int64) {
        self.callersMax = callersMax
        self.sharedWindowsMax = sharedWindowsMax
        self.now = now
    }

    /// How many windows are in memory, for tests and metrics.
    var count: Int { state.withLock { $0.windows.count + $0.shared.count } }

    /// Counts a request of `caller` if `limit` allows it. Every request of one limiter has a limit of the same window.
    func admit(_ caller: Caller, under limit: RateLimit) -> RateLimitVerdict {
        let place = sharedPlace(of: caller)
        return state.withLock { state in
            let time = max(state.latest, now())
            state.latest = time
            // Who shares a window goes on sharing it while it counts: moving out would leave the debt behind.
            if state.windows[caller] == nil, let shared = state.shared[place],
                !shared.isOver(at: time, windowSeconds: limit.windowSeconds)
            {
                return state.shared[place, default: RequestWindow()].admit(at: time, under: limit)
            }
            if state.windows[caller] == nil, state.windows.count >= callersMax {
                sweep(&state, time, limit.windowSeconds)
                if state.windows.count >= callersMax {
                    return state.shared[place, default: RequestWindow()].admit(at: time, under: limit)
                }
            }
            return state.windows[caller, default: RequestWindow()].admit(at: time, under: limit)
        }
    }

    /// Forgets windows in which nothing counts any more; at most four times in a window, because it looks at them all.
    private func sweep(_ state: inout State, _ time: Int64, _ windowSeconds: Int) {
        guard time >= state.nextSweep else { return }
        state.nextSweep = time + Int64(windowSeconds) * 250_000
        state.windows = state.windows.filter { !$0.value.isOver(at: time, windowSeconds: windowSeconds) }
        state.shared = state.shared.filter { !$0.value.isOver(at: time, windowSeconds: windowSeconds) }
    }

    private func sharedPlace(of caller: Caller) -> Int {
        var hasher = Hasher()
        hasher.combine(hashSeed)
        hasher.combine(caller)
        return Int(UInt(bitPattern: hasher.finalize()) % UInt(sharedWindowsMax))
    }
}
