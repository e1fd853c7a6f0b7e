import Glibc

/// The machine's clock. Nothing below the composition root reads it by itself: times are passed in.
public enum SystemClock {
    /// The time now.
    public static func now() -> Timestamp {
        var time = timespec()
        // Cannot fail: CLOCK_REALTIME exists on every Linux and the pointer is good.
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// Microseconds since some moment before the program began; never goes back, whatever happens to the time.
    public static func uptimeMicroseconds() -> Int64 {
        var time = timespec()
        // Cannot fail: CLOCK_MONOTONIC exists on every Linux and the pointer is good.
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
