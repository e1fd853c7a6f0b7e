/// How many requests may be made in any window of a length.
struct RateLimit: Sendable, Equatable {
    let requests: Int
    let windowSeconds: Int

    /// `requests` in any 60 seconds.
    static func perMinute(_ requests: Int) -> RateLimit { RateLimit(requests: requests, windowSeconds: 60) }
}

/// What a limit says to one request.
struct RateLimitVerdict: Sendable, Equatable {
    let limit: RateLimit
    let isAllowed: Bool
    /// Requests that could be made right now, after this one.
    let remaining: Int
    /// Whole seconds until all of the limit is there again, if nobody asks meanwhile.
    let resetSeconds: Int
    /// Whole seconds after which the same request can succeed; 0 for an allowed one.
    let retryAfterSeconds: Int
}
