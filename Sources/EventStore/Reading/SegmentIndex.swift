import Synchronization

/// Where every batch begins, so that reading can start at any position.
final class SegmentIndex: Sendable {
    struct Segment: Sendable {
        let name: String
        let firstSequence: UInt64
        var batches: [BatchPlace]
    }

    /// A batch, and where its segment's known batches end.
    struct Place: Sendable {
        let segment: String
        let offset: Int
        let firstSequence: UInt64
    }

    private let segments: Mutex<[Segment]>

    init(_ scanned: [ScannedSegment]) {
        segments = Mutex(
            scanned.map { Segment(name: $0.name, firstSequence: $0.firstSequence, batches: $0.batchOffsets) })
    }

    /// Notes a batch that became durable.
    func add(segmentFirstSequence: UInt64, batch: BatchPlace) {
        segments.withLock { segments in
            if segments.last?.firstSequence != segmentFirstSequence {
                segments.append(
                    Segment(
                        name: SegmentName.of(firstSequence: segmentFirstSequence), firstSequence: segmentFirstSequence,
                        batches: []))
            }
            segments[segments.count - 1].batches.append(batch)
        }
    }

    /// The batches from the one that holds `sequence` on, at most `count` of them.
    func places(from sequence: UInt64, count: Int) -> [Place] {
        segments.withLock { segments in
            var places: [Place] = []
            var index = Self.lastIndex(in: segments) { $0.firstSequence <= sequence } ?? 0
            while index < segments.count, places.count < count {
                let segment = segments[index]
                let start = Self.lastIndex(in: segment.batches) { $0.firstSequence <= sequence } ?? 0
                for batch in segment.batches[start...].prefix(count - places.count) {
                    places.append(
                        .init(segment: segment.name, offset: batch.offset, firstSequence: batch.firstSequence))
                }
                index += 1
            }
            return places
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
