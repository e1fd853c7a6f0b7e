/// The requests that one caller made lately: a pure state machine, told the time with each request.
///
/// Never admits more than the limit in any window, wherever it begins; a bucket that refills would let through nearly
/// twice as much in the first one. Requests that come close together (a thirtieth of the window) are remembered as one
/// group with the time of its last, so a caller costs at most about 31 groups whatever the limit is; a group is forgotten
/// a whole window after its last request, which errs on the strict side only.
struct RequestWindow: Sendable {
    private struct Group: Sendable {
        let start: Int64
        var last: Int64
        var requests: Int
    }

    private static let groupsPerWindow: Int64 = 30
    private static let microsecondsPerSecond: Int64 = 1_000_000

    // Oldest first.
    private var groups: [Group] = []

    /// Whether nothing of it counts any more at `now`, in microseconds.
    func isOver(at now: Int64, windowSeconds: Int) -> Bool {
        guard let last = groups.last else { return true }
        return last.last + Int64(windowSeconds) * Self.microsecondsPerSecond <= now
    }

    /// Counts a request if the limit allows it; a refused one costs nothing.
    ///
    /// - Parameter now: microseconds of a clock that never goes back.
    mutating func admit(at now: Int64, under limit: RateLimit) -> RateLimitVerdict {
        let window = Int64(limit.windowSeconds) * Self.microsecondsPerSecond
        groups.removeAll { $0.last + window <= now }
        let used = groups.reduce(0) { $0 + $1.requests }
        let isAllowed = used < limit.requests
        if isAllowed { add(now, window) }
        return RateLimitVerdict(
            limit: limit, isAllowed: isAllowed, remaining: max(0, limit.requests - used - (isAllowed ? 1 : 0)),
            resetSeconds: Self.wholeSeconds((groups.last?.last ?? now) + window - now),
            retryAfterSeconds: isAllowed ? 0 : Self.wholeSeconds(roomAt(used, limit, window, now) - now))
    }

    private mutating func add(_ now: Int64, _ window: Int64) {
        if let newest = groups.indices.last, now < groups[newest].start + window / Self.groupsPerWindow {
            groups[newest].last = now
            groups[newest].requests += 1
        } else {
            groups.append(Group(start: now, last: now, requests: 1))
        }
    }

    /// When enough groups are forgotten for one more request. A limit that was lowered meanwhile needs several.
    private func roomAt(_ used: Int, _ limit: RateLimit, _ window: Int64, _ now: Int64) -> Int64 {
        var left = used
        for group in groups {
            left -= group.requests
            if left < limit.requests { return group.last + window }
        }
        // Reached only by a limit of 0 requests.
        return now + window
    }

    /// At least 1: a client that waits must find room.
    private static func wholeSeconds(_ microseconds: Int64) -> Int {
        max(1, Int((microseconds + microsecondsPerSecond - 1) / microsecondsPerSecond))
    }
}
