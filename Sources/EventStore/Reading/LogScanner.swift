public import Merkle

/// Reads a log directory from its first byte to its last and verifies everything: order, checksums, lines, roots.
/// Read-only, takes no lock, works on a live log and on a copy.
///
/// ```swift
/// let scan = try LogScanner(directory: "data/log").scan { batch in … }
/// ```
///
/// Cost: one pass of reading, decompressing and hashing; memory: one segment.
public struct LogScanner: Sendable {
    public let directory: String
    let fileSystem: any FileSystem

    public init(directory: String, fileSystem: any FileSystem = POSIXFileSystem()) {
        self.directory = directory
        self.fileSystem = fileSystem
    }

    /// The segments present: names and the first sequence each name says, ascending.
    ///
    /// - Throws: an `io` ``EventLogError`` when the directory cannot be read.
    public func segments() throws(EventLogError) -> [(name: String, firstSequence: UInt64)] {
        do throws(FileError) {
            return try fileSystem.list(directory)
                .compactMap { name in SegmentName.firstSequence(of: name).map { (name, $0) } }
                .sorted { $0.1 < $1.1 }
        } catch {
            throw EventLogError(.io, "\(error). Name the directory that holds the *.jsonl.lz4 files.", file: directory)
        }
    }

    /// Verifies the whole log and shows `visit` every good batch in order.
    ///
    /// - Parameters:
    ///   - sizes: tree sizes whose roots the caller wants to know.
    ///   - visit: called with each verified batch; its memory is valid during the call only. What it throws ends the
    ///     scan.
    /// - Returns: what was found; damage is a finding there, not an error.
    /// - Throws: `io` when a file cannot be read, and whatever `visit` throws.
    public func scan<E: Error>(
        rootsAt sizes: Set<UInt64> = [], _ visit: (borrowing ScannedBatch) throws(E) -> Void
    ) throws -> LogScan {
        var scan = LogScan(wantedSizes: sizes)
        let verifier = try BatchVerifier()
        let segments = try segments()
        for (index, segment) in segments.enumerated() {
            let path = directory + "/" + segment.name
            if segment.firstSequence != verifier.tree.size {
                scan.noteGap(before: segment.firstSequence, at: verifier.tree.size, path: path)
                break
            }
            let bytes = try contents(of: path)
            let isLast = index == segments.count - 1
            try bytes.withUnsafeBytes { buffer in
                try Self.scanSegment(
                    buffer, name: segment.name, path: path, isLast: isLast, verifier: verifier, into: &scan, visit)
            }
            if scan.damage != nil { break }
        }
        scan.tree = verifier.tree
        return scan
    }

    func contents(of path: String) throws(EventLogError) -> [UInt8] {
        do throws(FileError) { return try fileSystem.open(path, .read).contents() } catch { throw EventLogError(error) }
    }

    static func scanSegment<E: Error>(
        _ bytes: UnsafeRawBufferPointer, name: String, path: String, isLast: Bool, verifier: BatchVerifier,
        into scan: inout LogScan, _ visit: (borrowing ScannedBatch) throws(E) -> Void
    ) throws {
        var segment = ScannedSegment(
            name: name, firstSequence: verifier.tree.size, storedBytes: bytes.count, treeBefore: verifier.tree)
        var offset = 0
        var defect: BatchDefect?
        while offset < bytes.count {
            var growth = TreeGrowth()
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let before = verifier.tree
            do throws(BatchDefect) {
                let (header, text) = try verifier.verify(rest, grown: &growth)
                scan.count(header)
                scan.captureRoots(from: before, growth: growth)
                segment.batchOffsets.append(.init(firstSequence: header.firstSequence, offset: offset))
                if !header.isRecompressed { segment.hasPlainBatches = true }
                let batch = ScannedBatch(
                    header: header, file: path, offset: offset, text: text, growth: growth)
                offset += header.batchBytes
                Self.show(batch, to: visit, failure: &scan.visitorFailure)
            } catch {
                defect = error
                break
            }
            if let failure = scan.visitorFailure { throw failure }
        }
        segment.acceptedBytes = offset
        scan.segments.append(segment)
        scan.judgeTail(
            of: bytes, segment: segment, path: path, isLast: isLast, defect: defect, size: verifier.tree.size)
    }

    /// Keeps a visitor's error apart from a batch's defect.
    private static func show<E: Error>(
        _ batch: borrowing ScannedBatch, to visit: (borrowing ScannedBatch) throws(E) -> Void,
        failure: inout (any Error)?
    ) {
        do { try visit(batch) } catch { failure = error }
    }
}

/// One verified batch, during a scan.
public struct ScannedBatch: ~Copyable {
    public let header: BatchHeader
    public let file: String
    /// Where the batch begins in `file`, in bytes.
    public let offset: Int
    /// The events' lines, each ending in a newline.
    public let text: UnsafeRawBufferPointer
    let growth: TreeGrowth

    /// The commitment of each event, SHA-256 of its line.
    public var commitments: [Hash] { growth.commitments }

    /// Reads the events strictly.
    ///
    /// - Throws: ``EventLogError`` `damaged` naming the first line that is not an event in its place.
    public func envelopes() throws(EventLogError) -> [Envelope] {
        var envelopes: [Envelope] = []
        envelopes.reserveCapacity(Int(header.eventCount))
        var lines = LineIterator(text: text)
        while let line = lines.next() {
            let expected = header.firstSequence + UInt64(envelopes.count)
            do throws(EnvelopeError) {
                let envelope = try Envelope(line: line.bindMemory(to: UInt8.self))
                guard envelope.sequence == expected else { throw .members }
                envelopes.append(envelope)
            } catch {
                throw EventLogError(
                    .damaged, "event \(expected) is not readable: \(error)", file: file, offset: offset,
                    sequences: header.sequences, cause: error)
            }
        }
        return envelopes
    }
}

/// Where a batch begins in its segment.
struct BatchPlace: Sendable {
    let firstSequence: UInt64
    let offset: Int
}

/// What a scan learned of one segment.
struct ScannedSegment: Sendable {
    let name: String
    let firstSequence: UInt64
    let storedBytes: Int
    /// The tree over everything before the segment, where the scan keeps it.
    var treeBefore = CompactRange()
    var acceptedBytes = 0
    /// Whether any batch is as it was committed, not recompressed.
    var hasPlainBatches = false
    var batchOffsets: [BatchPlace] = []
}
