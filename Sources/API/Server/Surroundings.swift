import EventStore

/// What a server takes from the machine around it, so that tests can move the clock and break the disk.
struct Surroundings: Sendable {
    /// The clock behind every event, session and answer.
    var now: @Sendable () -> Timestamp = SystemClock.now
    /// The clock behind limits a minute, in microseconds; setting the machine's time does not move it.
    var uptime: @Sendable () -> Int64 = SystemClock.uptimeMicroseconds
    /// What hashing a password costs; tests need it cheap.
    var passwordCost = PasswordHasher.Cost.standard
    /// Where everything is counted.
    var metrics = ServerMetrics()
    /// The disk under the log.
    var fileSystem: any FileSystem = POSIXFileSystem()
}
