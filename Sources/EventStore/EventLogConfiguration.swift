/// Sizes and times of an ``EventLog``. Every queue, batch and event has its limit here.
public struct EventLogConfiguration: Sendable {
    /// Length of a segment file, zero-filled ahead of the writer; a multiple of 512.
    public var segmentBytes = 64 << 20
    /// Most text that one commit gathers, in bytes.
    public var batchTextBytesMax = 4 << 20
    /// Longest line of one event, in bytes.
    public var eventBytesMax = 1 << 20
    /// Most text that may wait for the disk, in bytes; an append beyond it is refused as overloaded.
    public var queueBytesMax = 64 << 20
    /// How often a checkpoint is signed while events are appended, in milliseconds.
    public var checkpointIntervalMilliseconds = 1000
    /// Committed events kept in memory for subscribers that keep up.
    public var feedEventsMax = 16_384
    /// Whether the next segment is zero-filled by a thread of its own; without, at the moment it is needed.
    public var preparesSegmentsAhead = true
    /// Whether sealed segments are rewritten in the background, smaller, with the same events and roots.
    public var recompressesSealedSegments = true
    /// Most text that the background rewriting takes on a second, in bytes.
    public var recompressionBytesPerSecondMax = 16 << 20

    /// The offline key that the first event of a new log names: it may put another key in the place of a lost one. Of a
    /// log that exists it must be the one that is named there.
    public var recoveryKey: VerifierKey?

    /// Told of every commit before its appends are answered, on the thread that makes them: it must be quick.
    public var committed: @Sendable (CommitMeasurement) -> Void = { _ in }

    public init() {}
}

/// What one commit was, for whoever counts.
public struct CommitMeasurement: Sendable {
    /// Events in it.
    public let events: Int
    /// Bytes written for it: header, padding and the compressed events.
    public let bytes: Int
    /// How long writing and syncing them took.
    public let duration: Duration

    public init(events: Int, bytes: Int, duration: Duration) {
        (self.events, self.bytes, self.duration) = (events, bytes, duration)
    }
}
