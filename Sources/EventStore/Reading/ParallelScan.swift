import CLinux
import Glibc
public import Merkle
import Synchronization

/// A batch whose place, checksums and tree root were verified.
public struct VerifiedBatch: Sendable {
    public let header: BatchHeader
    public let file: String
    /// Where the batch begins in `file`, in bytes.
    public let offset: Int
    /// The leaf hash of each event.
    public let leaves: ArraySlice<Hash>
    /// The commitment of each event, SHA-256 of its line.
    public let commitments: ArraySlice<Hash>
    /// The roots of the subtrees of 256, 256², … events that it completed.
    let nodes: [TreeGrowth.Node]
}

/// How a scan uses the machine.
public struct ScanResources: Sendable {
    /// Threads that read, decompress and hash batches, the caller's included, which also adds up the tree.
    public var threads: Int
    /// How long a write of a server at work may take to be seen whole, in milliseconds: what looks torn or damaged at
    /// the end of the log is looked at again after it.
    public var settleMilliseconds: UInt32 = 100

    /// As many threads as this process may use cores.
    public init(threads: Int = ScanResources.usableCores) { self.threads = max(1, threads) }

    /// Number of cores that the calling thread may run on: what `taskset` and cpusets leave of the machine's.
    public static var usableCores: Int { max(1, Int(nrx_usable_cores())) }
}

extension LogScanner {
    /// Verifies the whole log on all cores and shows `visit` every good batch in order. Reads every stored byte, takes
    /// no lock, and works on a log that is being written to: what is durable before the call is always seen.
    ///
    /// ```swift
    /// let scan = try scanner.scanInParallel { batch in try? batch.envelopes() } visit: { batch, events in … }
    /// ```
    ///
    /// Memory: a few runs of batches (60 KiB as stored) a thread, whatever the size of the log.
    ///
    /// - Parameters:
    ///   - sizes: tree sizes whose roots the caller wants to know.
    ///   - map: work on one batch, done on any thread and in any order *before* its root is verified; the batch's
    ///     memory is valid during the call only. What it returns is shown to nobody unless the root is right.
    ///   - visit: called on the caller's thread with each verified batch in order. What it throws ends the scan.
    /// - Returns: what was found; damage is a finding there, not an error.
    /// - Throws: `io` when a file cannot be read, and whatever `visit` throws.
    public func scanInParallel<Product: Sendable>(
        rootsAt sizes: Set<UInt64> = [], resources: ScanResources = ScanResources(),
        map: @escaping @Sendable (borrowing ScannedBatch) -> Product,
        visit: (VerifiedBatch, Product) throws -> Void
    ) throws -> LogScan {
        let segments = try segments()
        let walker = Mutex(BatchWalker(directory: directory, segments: segments, fileSystem: fileSystem))
        let pipeline = OrderedPipeline<BatchWalker.Step, ScanStep<Product>>(
            threads: resources.threads, slots: 2 * resources.threads + 2
        ) { walker.withLock { $0.next() } }
        var judge = ScanJudge(
            scan: LogScan(wantedSizes: sizes), settleMilliseconds: resources.settleMilliseconds)
        try pipeline.run(
            makeWorker: {
                let decoder = Result { () throws(BatchDefect) in try BatchDecoder() }
                return { step in
                    switch step {
                    case .run(let run): .run(DecodedRun(run, decoder: decoder, map: map))
                    default: .other(step)
                    }
                }
            },
            consume: { step in
                guard !judge.hasEnded else { return }
                switch step {
                case .run(let run): try judge.take(run, visit: visit)
                case .other(let step): try judge.take(step)
                }
            })
        judge.scan.tree = judge.tree
        return judge.scan
    }
}

private enum ScanStep<Product: Sendable>: Sendable {
    case run(DecodedRun<Product>)
    case other(BatchWalker.Step)
}

/// A run of batches after a worker had it: checksums verified, lines hashed, the caller's work done.
private struct DecodedRun<Product: Sendable>: Sendable {
    struct Batch: Sendable {
        let header: BatchHeader
        let start: Int
        let leaves: Range<Int>
        let product: Product
    }

    let path: String
    let file: any File
    let isLastSegment: Bool
    let offset: Int
    var leaves: [Hash] = []
    var commitments: [Hash] = []
    var batches: [Batch] = []
    /// What is wrong with the batch after `batches`, and where it begins.
    var defect: (BatchDefect, start: Int)?

    init(
        _ run: BatchRun, decoder: Result<BatchDecoder, BatchDefect>,
        map: @Sendable (borrowing ScannedBatch) -> Product
    ) {
        path = run.path
        file = run.file
        isLastSegment = run.isLastSegment
        offset = run.offset
        let events = run.batches.reduce(0) { $0 + Int(min($1.header.eventCount, 1 << 16)) }
        leaves.reserveCapacity(events)
        commitments.reserveCapacity(events)
        run.bytes.withUnsafeBytes { bytes in
            for (header, start) in run.batches {
                do throws(BatchDefect) {
                    let text = try decoder.get().body(
                        of: header, in: UnsafeRawBufferPointer(rebasing: bytes[start...]))
                    let range = try hashLines(of: text, header: header)
                    let product = map(
                        ScannedBatch(
                            header: header, file: path, offset: offset + start, text: text, growth: TreeGrowth()))
                    batches.append(Batch(header: header, start: start, leaves: range, product: product))
                } catch {
                    defect = (error, start)
                    return
                }
            }
        }
    }

    private mutating func hashLines(
        of text: UnsafeRawBufferPointer, header: BatchHeader
    ) throws(BatchDefect) -> Range<Int> {
        let first = leaves.count
        let count = Int(header.eventCount)
        var lines = LineIterator(text: text)
        while let line = lines.next() {
            guard leaves.count - first < count else { throw .body("there are more lines than the header says") }
            let commitment = Hash(of: line)
            commitments.append(commitment)
            leaves.append(TreeHasher.leaf(commitment))
        }
        guard lines.isAtEnd, leaves.count - first == count else {
            throw .body("the number of lines is not the header's event count")
        }
        return first..<leaves.count
    }
}

/// Puts runs together in order: grows the tree, compares every root, and judges what is not a batch.
private struct ScanJudge {
    var scan: LogScan
    var tree = CompactRange()
    let settleMilliseconds: UInt32
    /// Whether something was met that is not a batch; nothing after it is part of the log.
    private(set) var hasEnded = false
    private var segmentStart: UInt64 = 0
    private var segmentBytes = 0

    init(scan: LogScan, settleMilliseconds: UInt32) {
        self.scan = scan
        self.settleMilliseconds = settleMilliseconds
    }

    mutating func take<Product>(
        _ run: DecodedRun<Product>, visit: (VerifiedBatch, Product) throws -> Void
    ) throws {
        for batch in run.batches {
            var nodes: [TreeGrowth.Node] = []
            do throws(BatchDefect) { try grow(batch.header, by: run.leaves[batch.leaves], nodes: &nodes) } catch {
                return try judgeTail(
                    path: run.path, file: run.file, isLastSegment: run.isLastSegment, offset: run.offset + batch.start,
                    defect: error)
            }
            scan.count(batch.header)
            segmentBytes = run.offset + batch.start + batch.header.batchBytes
            try visit(
                VerifiedBatch(
                    header: batch.header, file: run.path, offset: run.offset + batch.start,
                    leaves: run.leaves[batch.leaves], commitments: run.commitments[batch.leaves], nodes: nodes),
                batch.product)
        }
        if let (defect, start) = run.defect {
            try judgeTail(
                path: run.path, file: run.file, isLastSegment: run.isLastSegment, offset: run.offset + start,
                defect: defect)
        }
    }

    private mutating func grow(
        _ header: BatchHeader, by leaves: ArraySlice<Hash>, nodes: inout [TreeGrowth.Node]
    ) throws(BatchDefect) {
        guard header.firstSequence == tree.size else {
            throw .sequence(expected: tree.size, found: header.firstSequence)
        }
        let before = tree
        for leaf in leaves {
            tree.append(leaf) { height, index, hash in
                guard height > 0, height % TilePath.height == 0 else { return }
                nodes.append(.init(level: height / TilePath.height, index: index, hash: hash))
            }
        }
        let root = tree.root
        guard root == header.root else {
            tree = before
            throw .root(stored: header.root, computed: root)
        }
        guard let next = scan.nextWantedSize, next <= header.treeSize else { return }
        var partial = before
        for leaf in leaves {
            partial.append(leaf)
            if partial.size == scan.nextWantedSize { scan.noteRoot(partial.root, at: partial.size) }
        }
    }

    mutating func take(_ step: BatchWalker.Step) throws {
        switch step {
        case .run: break
        case .segmentEnded: endSegment()
        case .tail(let path, let file, let isLastSegment, let offset, let defect):
            try judgeTail(path: path, file: file, isLastSegment: isLastSegment, offset: offset, defect: defect)
        case .gap(let path, let found):
            hasEnded = true
            scan.noteGap(before: found, at: tree.size, path: path)
        case .failed(let error): throw error
        }
    }

    private mutating func endSegment() {
        scan.segments.append(
            ScannedSegment(
                name: "", firstSequence: segmentStart, storedBytes: segmentBytes, acceptedBytes: segmentBytes))
        segmentStart = tree.size
        segmentBytes = 0
    }

    /// Judges what follows the last good batch of a segment. Only the live segment may have anything there, and there a
    /// writer may be at work: bytes that change while one looks were never a finding.
    private mutating func judgeTail(
        path: String, file: any File, isLastSegment: Bool, offset: Int, defect: BatchDefect
    ) throws(EventLogError) {
        hasEnded = true
        var bytes = try contents(of: file)
        var verdict = judging(bytes, path: path, isLastSegment: isLastSegment, offset: offset, defect: defect)
        if isLastSegment, verdict.damage != nil || verdict.tail != .clean {
            if !hasBatch(in: bytes, at: offset) { usleep(settleMilliseconds * 1000) }
            let later = try contents(of: file)
            if hasBatch(in: later, at: offset) || later.dropFirst(offset) != bytes.dropFirst(offset) {
                bytes = later
                verdict = scan
                verdict.isGrowing = true
            }
        }
        scan = verdict
        scan.segments.append(
            ScannedSegment(name: "", firstSequence: segmentStart, storedBytes: bytes.count, acceptedBytes: offset))
    }

    /// Whether the batch that was not there when it was looked for stands there now.
    private func hasBatch(in bytes: [UInt8], at offset: Int) -> Bool {
        guard offset < bytes.count, let verifier = try? BatchVerifier(tree: tree) else { return false }
        var growth = TreeGrowth()
        return bytes.withUnsafeBytes { buffer in
            (try? verifier.verify(UnsafeRawBufferPointer(rebasing: buffer[offset...]), grown: &growth)) != nil
        }
    }

    private func judging(
        _ bytes: [UInt8], path: String, isLastSegment: Bool, offset: Int, defect: BatchDefect
    ) -> LogScan {
        var scan = scan
        let segment = ScannedSegment(
            name: "", firstSequence: tree.size, storedBytes: bytes.count, acceptedBytes: min(offset, bytes.count))
        bytes.withUnsafeBytes { buffer in
            scan.judgeTail(
                of: buffer, segment: segment, path: path, isLast: isLastSegment, defect: defect, size: tree.size)
        }
        return scan
    }

    /// Of the file that was read, not of what has its name: a segment may have been sealed and recompressed since.
    private func contents(of file: any File) throws(EventLogError) -> [UInt8] {
        do throws(FileError) { return try file.contents() } catch { throw EventLogError(error) }
    }
}
