/// What stands in a log from its first damage on: every range that is not what was written, and how much between them
/// still holds by itself.
///
/// A tree root is over everything before it, so behind a damage no root can be recomputed. What can be: each batch's
/// checksums, its number of lines, and that it goes on where the one before it ended.
public struct DamageSurvey: Sendable {
    /// Damaged ranges in the order of the log, the first one included.
    public fileprivate(set) var ranges: [LogScan.Damage] = []
    /// Whole batches after the first damage.
    public fileprivate(set) var batches = 0
    /// Events in them.
    public fileprivate(set) var events: UInt64 = 0
}

extension LogScanner {
    /// Examines what a scan did not, since it ends at the first damage: goes on at the next valid batch header, again and
    /// again, to the end of the log. Blocking, on the caller's thread; memory: one segment.
    ///
    /// - Parameters:
    ///   - first: what the scan found.
    ///   - visit: shown every batch whose checksums and lines hold; its memory is valid during the call only.
    /// - Throws: `io` when a file cannot be read.
    public func survey(
        after first: LogScan.Damage, _ visit: (borrowing ScannedBatch) -> Void
    ) throws(EventLogError) -> DamageSurvey {
        let segments = try segments()
        guard let start = segments.firstIndex(where: { directory + "/" + $0.name == first.file }) else {
            return DamageSurvey(startingWith: first)
        }
        var surveyor = try Surveyor(first: first)
        for (index, segment) in segments[start...].enumerated() {
            let path = directory + "/" + segment.name
            let bytes = try contents(of: path)
            bytes.withUnsafeBytes { buffer in
                surveyor.examine(
                    buffer, path: path, nameSays: segment.firstSequence, from: index == 0 ? first.offset : 0,
                    isLast: start + index == segments.count - 1, visit)
            }
        }
        return surveyor.survey
    }
}

extension DamageSurvey {
    fileprivate init(startingWith first: LogScan.Damage) { ranges = [first] }
}

/// Walks on from damage to damage.
private struct Surveyor {
    var survey = DamageSurvey()
    private let first: LogScan.Damage
    private let decoder: BatchDecoder
    /// The event that should follow; nil while nobody can say.
    private var expected: UInt64?
    /// Whether the first damage, which the scan described, has been passed.
    private var hasPassedFirst = false

    init(first: LogScan.Damage) throws(EventLogError) {
        self.first = first
        do throws(BatchDefect) { decoder = try BatchDecoder() } catch {
            throw EventLogError(.io, "cannot decompress: \(error)", cause: error)
        }
        // A missing or repeated segment leaves its file's own bytes in order.
        if first.isBetweenSegments {
            survey.ranges = [first]
            hasPassedFirst = true
        } else {
            expected = first.firstSequence
        }
    }

    mutating func examine(
        _ bytes: UnsafeRawBufferPointer, path: String, nameSays: UInt64, from start: Int, isLast: Bool,
        _ visit: (borrowing ScannedBatch) -> Void
    ) {
        var offset = start
        if start == 0, let expected, hasPassedFirst, expected != nameSays {
            noteJump(to: nameSays, path: path, offset: 0)
        }
        if start == 0, hasPassedFirst { expected = nameSays }
        while offset < bytes.count {
            if hasPassedFirst, let header = take(bytes, at: offset, path: path, visit) {
                offset += header.batchBytes
                continue
            }
            if hasPassedFirst, isHarmlessTail(bytes, at: offset, isLast: isLast) { return }
            let next = Self.nextBatch(in: bytes, after: offset)
            noteDamage(bytes, at: offset, next: next, path: path)
            offset = next
        }
    }

    /// Takes the batch at `offset` over; nil when none stands there whole.
    private mutating func take(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, path: String, _ visit: (borrowing ScannedBatch) -> Void
    ) -> BatchHeader? {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        let header: BatchHeader
        let text: UnsafeRawBufferPointer
        do throws(BatchDefect) {
            header = try BatchHeader(rest)
            text = try decoder.body(of: header, in: rest)
        } catch { return nil }
        guard Self.lineCount(of: text) == header.eventCount else { return nil }
        if let expected, header.firstSequence != expected {
            noteJump(to: header.firstSequence, path: path, offset: offset)
        }
        expected = header.treeSize
        survey.batches += 1
        survey.events += UInt64(header.eventCount)
        visit(ScannedBatch(header: header, file: path, offset: offset, text: text, growth: TreeGrowth()))
        return header
    }

    private static func lineCount(of text: UnsafeRawBufferPointer) -> UInt32? {
        var lines = LineIterator(text: text)
        var count: UInt32 = 0
        while lines.next() != nil { count += 1 }
        return lines.isAtEnd ? count : nil
    }

    private func isHarmlessTail(_ bytes: UnsafeRawBufferPointer, at offset: Int, isLast: Bool) -> Bool {
        guard isLast else { return false }
        let header = Result { () throws(BatchDefect) in
            try BatchHeader(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
        }
        let defect: BatchDefect = if case .failure(let found) = header { found } else { .body("its body is damaged") }
        return SegmentTail.classify(bytes, from: offset, defect: defect) != .damage
    }

    /// Where the next valid batch header stands, or an exact filler, or the end of the file.
    private static func nextBatch(in bytes: UnsafeRawBufferPointer, after offset: Int) -> Int {
        for place in stride(from: offset + BatchHeader.byteCount, to: bytes.count, by: BatchHeader.byteCount) {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[place...])
            if rest.count >= Filler.headerBytes, Filler.isExact(rest) { return place }
            guard rest.count >= BatchHeader.byteCount, rest.load(UInt32.self, at: 0) == BatchHeader.magic else {
                continue
            }
            do throws(BatchDefect) {
                _ = try BatchHeader(rest)
                return place
            } catch { continue }
        }
        return bytes.count
    }

    private mutating func noteDamage(_ bytes: UnsafeRawBufferPointer, at offset: Int, next: Int, path: String) {
        let following = Self.firstSequence(in: bytes, at: next)
        let isFirst = !hasPassedFirst
        hasPassedFirst = true
        let from = isFirst ? first.firstSequence : expected ?? 0
        let last = following.flatMap { $0 > from ? $0 - 1 : nil } ?? (isFirst ? first.lastSequence : nil)
        survey.ranges.append(
            LogScan.Damage(
                file: path, offset: offset, firstSequence: from, lastSequence: last,
                what: isFirst ? first.what : "these bytes are no valid batch", bytes: next - offset))
        // The next batch tells where the log goes on.
        expected = following
    }

    private static func firstSequence(in bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64? {
        guard offset < bytes.count else { return nil }
        do throws(BatchDefect) {
            return try BatchHeader(UnsafeRawBufferPointer(rebasing: bytes[offset...])).firstSequence
        } catch { return nil }
    }

    private mutating func noteJump(to found: UInt64, path: String, offset: Int) {
        guard let expected else { return }
        let isMissing = found > expected
        survey.ranges.append(
            LogScan.Damage(
                file: path, offset: offset, firstSequence: min(expected, found),
                lastSequence: max(expected, found) - 1,
                what: isMissing
                    ? "the events before this batch are missing" : "this batch repeats events that stand before it",
                bytes: 0))
    }
}
