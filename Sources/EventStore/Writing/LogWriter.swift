import Merkle

/// The one writer of a log, without threads: takes events, makes them durable as one batch, rolls segments.
///
/// Owned by the writer thread (or by a test). After any error it refuses to go on: Linux marks the pages of a failed
/// sync clean, so a second try would prove nothing.
struct LogWriter {
    private let directory: String
    private let fileSystem: any FileSystem
    private let segmentBytes: Int
    private var encoder: BatchEncoder
    private var segment: SegmentFile
    private var failure: EventLogError?

    init(
        directory: String, fileSystem: any FileSystem, segmentBytes: Int, tree: CompactRange, segment: SegmentFile
    ) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.segmentBytes = segmentBytes
        self.segment = segment
        encoder = BatchEncoder(tree: tree)
    }

    /// What one commit did.
    struct Commit: Sendable {
        let header: BatchHeader
        let segmentFirstSequence: UInt64
        let offset: Int
        let growth: TreeGrowth
        /// The tree before the commit.
        let treeBefore: CompactRange
        let measurement: CommitMeasurement
    }

    /// Makes `events` durable as one batch.
    ///
    /// - Parameters:
    ///   - time: stands in the header, informative.
    ///   - nextSegment: hands over a segment prepared ahead, or nil.
    /// - Throws: `io` the first time, `poisoned` from then on.
    mutating func commit(
        _ events: [EncodedEvent], at time: Timestamp, nextSegment: () -> PreparedSegment? = { nil }
    ) throws(EventLogError) -> Commit {
        if let failure {
            throw EventLogError(
                .poisoned, "an earlier write failed (\(failure.message)) Restart the server to re-read the disk.",
                cause: failure)
        }
        do throws(EventLogError) {
            var growth = TreeGrowth()
            let treeBefore = encoder.tree
            let (header, bytes) = try encode(events, at: time, grown: &growth)
            do throws(FileError) {
                if !segment.fits(bytes.count) {
                    try roll(to: header.firstSequence, batchBytes: bytes.count, prepared: nextSegment())
                }
                let offset = segment.offset
                let start = ContinuousClock.now
                try segment.append(bytes)
                return Commit(
                    header: header, segmentFirstSequence: segment.firstSequence, offset: offset, growth: growth,
                    treeBefore: treeBefore,
                    measurement: CommitMeasurement(
                        events: events.count, bytes: bytes.count, duration: start.duration(to: .now)))
            } catch { throw EventLogError(error) }
        } catch {
            failure = error
            throw error
        }
    }

    private mutating func encode(_ events: [EncodedEvent], at time: Timestamp, grown: inout TreeGrowth)
        throws(EventLogError) -> (header: BatchHeader, bytes: [UInt8])
    {
        do throws(BatchDefect) { return try encoder.encode(events, at: time, grown: &grown) } catch {
            throw EventLogError(.io, "cannot compress a batch: \(error)", cause: error)
        }
    }

    /// Seals the segment, then names the next one: a crash in between leaves a log that ends with a sealed segment.
    private mutating func roll(to sequence: UInt64, batchBytes: Int, prepared: PreparedSegment?) throws(FileError) {
        try segment.seal()
        let next: PreparedSegment
        if let prepared, batchBytes <= prepared.fileBytes {
            next = prepared
        } else {
            next = try SegmentFile.prepare(
                in: directory, length: max(segmentBytes, batchBytes), fileSystem: fileSystem, label: "roll")
        }
        segment = try SegmentFile.publish(next, firstSequence: sequence, in: directory, fileSystem: fileSystem)
    }

    /// Cuts the filler off at a clean stop.
    func seal() throws(EventLogError) {
        guard failure == nil else { return }
        do throws(FileError) { try segment.seal() } catch { throw EventLogError(error) }
    }
}
