/// Neighbouring batches of one segment, read in one piece: what a worker takes at a time.
struct BatchRun: Sendable {
    let path: String
    /// The file that was read, whatever stands under its name by now.
    let file: any File
    let isLastSegment: Bool
    /// Where `bytes` begin in the file.
    let offset: Int
    let bytes: [UInt8]
    /// The batches, and where each begins in `bytes`.
    let batches: [(header: BatchHeader, start: Int)]
}

/// Walks over the batches of a log by their headers alone.
///
/// Used by one thread at a time. Memory: one run.
struct BatchWalker {
    enum Step: Sendable {
        case run(BatchRun)
        case segmentEnded
        /// No whole batch begins at `offset`, though the file goes on.
        case tail(path: String, file: any File, isLastSegment: Bool, offset: Int, defect: BatchDefect)
        /// The next segment does not begin with the event that should follow.
        case gap(path: String, found: UInt64)
        case failed(EventLogError)
    }

    /// Stored bytes of a run; a larger batch is a run of its own. So few that all that is made of a run is still in the
    /// core's cache when it is used, and that no allocation is given back to the system between two runs.
    static let runBytes = 60 << 10

    private let directory: String
    private let fileSystem: any FileSystem
    private var segments: ArraySlice<(name: String, firstSequence: UInt64)>
    private var open: (file: any File, path: String, bytes: Int)?
    private var offset = 0
    /// The event that should follow, by the headers so far.
    private var nextSequence: UInt64 = 0
    private var hasEnded = false

    init(directory: String, segments: [(name: String, firstSequence: UInt64)], fileSystem: any FileSystem) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.segments = segments[...]
    }

    /// The next step; nil after the last one.
    mutating func next() -> Step? {
        guard !hasEnded else { return nil }
        do throws(FileError) {
            let step = try advance()
            switch step {
            case .run, .segmentEnded: break
            case .tail, .gap, .failed, nil: hasEnded = true
            }
            return step
        } catch {
            hasEnded = true
            return .failed(EventLogError(error))
        }
    }

    private mutating func advance() throws(FileError) -> Step? {
        if open == nil {
            guard let segment = segments.popFirst() else { return nil }
            let path = directory + "/" + segment.name
            guard segment.firstSequence == nextSequence else { return .gap(path: path, found: segment.firstSequence) }
            let file = try fileSystem.open(path, .read)
            open = (file, path, try file.size())
            offset = 0
        }
        guard let open, offset < open.bytes else {
            open = nil
            return .segmentEnded
        }
        return try readRun(from: open.file, path: open.path, fileBytes: open.bytes)
    }

    private mutating func readRun(from file: any File, path: String, fileBytes: Int) throws(FileError) -> Step {
        var bytes = try file.bytes(at: offset, count: min(Self.runBytes, fileBytes - offset))
        var batches: [(header: BatchHeader, start: Int)] = []
        var position = 0
        var defect = BatchDefect.header("fewer than 128 bytes are left")
        walking: while position < bytes.count {
            switch Self.header(in: bytes, at: position) {
            case .failure(let found):
                defect = found
                break walking
            case .success(let header) where position + header.batchBytes <= bytes.count:
                batches.append((header, position))
                position += header.batchBytes
            case .success(let header):
                // The run ends before a batch that is not whole in it, unless that is its first.
                guard position == 0 else { break walking }
                let isWhole = offset + header.batchBytes <= fileBytes
                if isWhole { bytes = try file.bytes(at: offset, count: header.batchBytes) }
                guard isWhole, bytes.count == header.batchBytes else {
                    defect = .body("the file ends inside the batch")
                    break walking
                }
            }
        }
        guard let last = batches.last?.header else {
            return .tail(
                path: path, file: file, isLastSegment: segments.isEmpty, offset: offset, defect: defect)
        }
        let run = BatchRun(
            path: path, file: file, isLastSegment: segments.isEmpty, offset: offset, bytes: bytes, batches: batches)
        offset += position
        nextSequence = last.treeSize
        return .run(run)
    }

    private static func header(in bytes: [UInt8], at position: Int) -> Result<BatchHeader, BatchDefect> {
        bytes.withUnsafeBytes { buffer in
            Result { () throws(BatchDefect) in try BatchHeader(UnsafeRawBufferPointer(rebasing: buffer[position...])) }
        }
    }
}

extension File {
    /// Up to `count` bytes at `offset`; fewer where the file ends.
    func bytes(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(FileError) {
                filled = try readFully(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }
}
