import Merkle
import Synchronization

/// Where every batch begins, so that reading can start at any position; and the one place where a segment's file may
/// be exchanged for its recompressed form.
final class SegmentIndex: Sendable {
    struct Segment: Sendable {
        let name: String
        let firstSequence: UInt64
        /// The tree over everything before the segment.
        let treeBefore: CompactRange
        var batches: [BatchPlace]
        var isRecompressed: Bool
    }

    private let segments: Mutex<[Segment]>
    /// Held while a file is opened together with its batches' places, and while both are exchanged. Taken before
    /// `segments`, never by the writer.
    private let files = Mutex(())

    init(_ scanned: [ScannedSegment]) {
        segments = Mutex(
            scanned.map {
                Segment(
                    name: $0.name, firstSequence: $0.firstSequence, treeBefore: $0.treeBefore, batches: $0.batchOffsets,
                    isRecompressed: !$0.hasPlainBatches)
            })
    }

    /// Notes a batch that became durable.
    ///
    /// - Parameter treeBefore: the tree before the batch.
    /// - Returns: whether the batch began a new segment, and so sealed the one before.
    @discardableResult
    func add(segmentFirstSequence: UInt64, batch: BatchPlace, treeBefore: CompactRange) -> Bool {
        segments.withLock { segments in
            let isNew = segments.last?.firstSequence != segmentFirstSequence
            if isNew {
                segments.append(
                    Segment(
                        name: SegmentName.of(firstSequence: segmentFirstSequence), firstSequence: segmentFirstSequence,
                        treeBefore: treeBefore, batches: [], isRecompressed: false))
            }
            segments[segments.count - 1].batches.append(batch)
            segments[segments.count - 1].isRecompressed = false
            return isNew
        }
    }

    /// Opens the file that holds `sequence` and says where its batches from that one on begin.
    ///
    /// The file stays the one that the places are for, also when the segment is recompressed meanwhile.
    ///
    /// - Parameter count: batches wanted at most.
    /// - Returns: nil when no segment holds it.
    func open(
        holding sequence: UInt64, count: Int, _ open: (_ name: String) throws(FileError) -> any File
    ) throws(FileError) -> (file: any File, places: [BatchPlace])? {
        try files.withLock { _ throws(FileError) in
            guard let (name, places) = places(from: sequence, count: count) else { return nil }
            return (try open(name), places)
        }
    }

    private func places(from sequence: UInt64, count: Int) -> (name: String, places: [BatchPlace])? {
        segments.withLock { segments in
            guard let index = Self.lastIndex(in: segments, where: { $0.firstSequence <= sequence }) else { return nil }
            let segment = segments[index]
            let start = Self.lastIndex(in: segment.batches) { $0.firstSequence <= sequence } ?? 0
            return (segment.name, Array(segment.batches[start...].prefix(count)))
        }
    }

    /// The first sealed segment that is not recompressed yet.
    ///
    /// - Parameter given: first sequences of segments to pass over.
    func nextToRecompress(besides given: Set<UInt64> = []) -> Segment? {
        segments.withLock { segments in
            segments.dropLast().first { !$0.isRecompressed && !given.contains($0.firstSequence) }
        }
    }

    /// Rewrites a sealed segment and puts it in the place of the old one, durably.
    ///
    /// - Parameter pace: as of ``SegmentRecompressor/rewrite(_:pace:)``.
    /// - Returns: nil when it was given up.
    func recompress(
        _ segment: Segment, with recompressor: SegmentRecompressor, pace: (Int) -> Bool
    ) throws(EventLogError) -> SegmentRecompressor.Rewritten? {
        guard let rewritten = try recompressor.rewrite(segment, pace: pace) else { return nil }
        do throws(FileError) {
            try files.withLock { _ throws(FileError) in
                try recompressor.fileSystem.rename(
                    rewritten.temporaryPath, to: recompressor.directory + "/" + segment.name)
                exchange(segment.firstSequence, for: rewritten.batches)
            }
            try recompressor.fileSystem.syncDirectory(recompressor.directory)
        } catch { throw EventLogError(error) }
        return rewritten
    }

    private func exchange(_ firstSequence: UInt64, for batches: [BatchPlace]) {
        segments.withLock { segments in
            guard let index = segments.firstIndex(where: { $0.firstSequence == firstSequence }) else { return }
            segments[index].batches = batches
            segments[index].isRecompressed = true
        }
    }

    /// Index of the last element for which `condition` holds, when it holds for a prefix.
    private static func lastIndex<T>(in elements: [T], where condition: (T) -> Bool) -> Int? {
        var low = 0
        var high = elements.count
        while low < high {
            let middle = (low + high) / 2
            if condition(elements[middle]) { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }
}
