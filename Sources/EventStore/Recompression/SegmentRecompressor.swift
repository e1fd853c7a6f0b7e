import Merkle

/// Rewrites one sealed segment in fewer, larger and better compressed batches: the same events, the same roots.
///
/// The new file is written under a temporary name, synced, read back and verified against the same tree, and only then
/// renamed into place; so at any moment the name holds one of two files that say the same.
struct SegmentRecompressor {
    /// Text that merged batches gather, in bytes; a batch that was larger stays alone. Beyond this LZ4 gains nothing
    /// (its window is 64 KiB), and whoever wants one event has to decompress all of its batch.
    static let batchTextBytesMax = 256 << 10
    /// LZ4HC; higher levels take much longer for less than a hundredth.
    static let compressionLevel: Int32 = 9
    /// Bytes written between two syncs, so that the writer's own sync never waits behind a whole segment.
    static let unsyncedBytesMax = 4 << 20
    private static let temporaryName = SegmentFile.temporaryPrefix + "recompressed"

    let directory: String
    let fileSystem: any FileSystem

    /// A rewritten segment, verified and synced, that has not taken the old one's place yet.
    struct Rewritten {
        let temporaryPath: String
        let batches: [BatchPlace]
        let textBytes: Int
        let storedBytesBefore: Int
        let storedBytes: Int
    }

    /// Rewrites `segment` beside the log.
    ///
    /// - Parameter pace: called after each batch with its text's length; the rewriting is given up when it says false.
    /// - Returns: nil when it was given up.
    /// - Throws: `damaged` when the segment's bytes are not what was written, `io` when a file operation fails. The log
    ///   is as it was before.
    func rewrite(_ segment: SegmentIndex.Segment, pace: (_ textBytes: Int) -> Bool) throws(EventLogError) -> Rewritten?
    {
        let path = directory + "/" + segment.name
        do {
            let source = try fileSystem.open(path, .read)
            let temporaryPath = directory + "/" + Self.temporaryName
            let sourceBytes = try source.size()
            var output = MergedBatches(file: try fileSystem.open(temporaryPath, .replace))
            var reader = BatchFileReader(file: source, fileBytes: sourceBytes)
            let verifier = try BatchVerifier(tree: segment.treeBefore)
            while let bytes = try reader.next() {
                var growth = TreeGrowth()
                let isWritten = try bytes.withUnsafeBytes { buffer in
                    let (header, text) = try verifier.verify(buffer, grown: &growth)
                    return try output.add(header, text: text)
                }
                if let isWritten, !pace(isWritten) { return nil }
            }
            try output.finish()
            try check(temporaryPath, against: output, from: segment.treeBefore)
            return Rewritten(
                temporaryPath: temporaryPath, batches: output.places, textBytes: output.textBytes,
                storedBytesBefore: sourceBytes, storedBytes: output.offset)
        } catch let error as EventLogError {
            throw error
        } catch let error as FileError {
            throw EventLogError(error)
        } catch {
            throw EventLogError(
                .damaged,
                "a sealed segment cannot be recompressed, because it is not what was written: \(error). Nothing was"
                    + " changed. Audit the log with `nrx-replay audit`.", file: path, cause: error)
        }
    }

    /// Reads the new file back: every line hashed, every root compared with the one that the old file had there.
    private func check(_ path: String, against output: MergedBatches, from tree: CompactRange) throws {
        let file = try fileSystem.open(path, .read)
        var reader = BatchFileReader(file: file, fileBytes: try file.size())
        let verifier = try BatchVerifier(tree: tree)
        var heads = output.heads[...]
        while let bytes = try reader.next() {
            var growth = TreeGrowth()
            let header = try bytes.withUnsafeBytes { try verifier.verify($0, grown: &growth).header }
            guard heads.popFirst() == TreeHead(size: header.treeSize, root: header.root) else {
                throw BatchDefect.root(stored: header.root, computed: verifier.tree.root)
            }
        }
        guard heads.isEmpty else { throw BatchDefect.body("the rewritten segment lacks batches") }
    }
}

/// Gathers batches into larger ones and writes them one after another.
private struct MergedBatches {
    let file: any File
    /// What was written so far.
    private(set) var places: [BatchPlace] = []
    /// The tree after each batch that was written.
    private(set) var heads: [TreeHead] = []
    private(set) var offset = 0
    private(set) var textBytes = 0
    private var gathered: [UInt8] = []
    private var first: UInt64 = 0
    private var last: BatchHeader?
    private var unsyncedBytes = 0

    init(file: any File) { self.file = file }

    /// Takes a verified batch over.
    ///
    /// - Returns: the text's length when that filled a merged batch, which was then written.
    mutating func add(_ header: BatchHeader, text: UnsafeRawBufferPointer) throws -> Int? {
        var written: Int?
        if last != nil, gathered.count + text.count > SegmentRecompressor.batchTextBytesMax { written = try flush() }
        if last == nil { first = header.firstSequence }
        gathered.append(contentsOf: text)
        last = header
        return written
    }

    /// Writes what is still gathered and makes all of it durable.
    mutating func finish() throws {
        if last != nil { _ = try flush() }
        try file.sync()
    }

    private mutating func flush() throws -> Int {
        guard let last else { return 0 }
        var frame: [UInt8] = []
        let frameBytes = try gathered.withUnsafeBytes { text in
            try LZ4Frame.compress(text, level: SegmentRecompressor.compressionLevel, appendingTo: &frame)
        }
        // The root and the time of the last batch that went in: what the log said at that size, it says still.
        let header = BatchHeader(
            firstSequence: first, eventCount: UInt32(last.treeSize - first), textBytes: UInt32(gathered.count),
            frameBytes: UInt32(frameBytes), isRecompressed: true, committedAt: last.committedAt,
            treeSize: last.treeSize, root: last.root)
        try file.writeFully(
            header.encoded() + [UInt8](repeating: 0, count: header.paddingBytes) + frame, at: offset)
        places.append(BatchPlace(firstSequence: first, offset: offset))
        heads.append(TreeHead(size: last.treeSize, root: last.root))
        offset += header.batchBytes
        unsyncedBytes += header.batchBytes
        if unsyncedBytes >= SegmentRecompressor.unsyncedBytesMax {
            try file.sync()
            unsyncedBytes = 0
        }
        let count = gathered.count
        textBytes += count
        gathered.removeAll(keepingCapacity: true)
        self.last = nil
        return count
    }
}

/// The batches of a sealed segment, one after another. Memory: one batch.
private struct BatchFileReader {
    let file: any File
    let fileBytes: Int
    private var offset = 0

    init(file: any File, fileBytes: Int) {
        self.file = file
        self.fileBytes = fileBytes
    }

    /// The next batch's bytes; nil at the end of the file.
    mutating func next() throws -> [UInt8]? {
        guard offset < fileBytes else { return nil }
        let header = try BatchHeader(bytes: try file.bytes(at: offset, count: BatchHeader.byteCount))
        guard header.batchBytes <= fileBytes - offset else { throw BatchDefect.body("the file ends inside the batch") }
        let bytes = try file.bytes(at: offset, count: header.batchBytes)
        offset += header.batchBytes
        return bytes
    }
}
