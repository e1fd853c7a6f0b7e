/// Reads durable events of an open log from its files, from any position.
final class LogReader: Sendable {
    private let directory: String
    private let fileSystem: any FileSystem
    private let index: SegmentIndex
    private let feed: CommitFeed
    /// Where async callers let the blocking reads happen.
    let worker = SerialWorker(name: "nrx.log.reader")

    init(directory: String, fileSystem: any FileSystem, index: SegmentIndex, feed: CommitFeed) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.index = index
        self.feed = feed
    }

    /// Events from `sequence` on, at least one, about `count`. Blocking; cost: the batches that hold them.
    func read(from sequence: UInt64, count: Int) throws(EventLogError) -> [Envelope] {
        let size = feed.head.size
        guard sequence < size else {
            throw EventLogError(.outOfRange, "the log ends before event \(sequence); it holds \(size).")
        }
        var events: [Envelope] = []
        var next = sequence
        while events.count < count, next < size {
            guard let (file, places) = try open(holding: next, count: count - events.count) else { break }
            for place in places {
                if events.count >= count || place.firstSequence >= size { break }
                let batch = try readBatch(file, at: place)
                for envelope in batch where envelope.sequence >= next { events.append(envelope) }
            }
            guard let last = events.last, last.sequence >= next else { break }
            next = last.sequence + 1
        }
        return events
    }

    private func open(
        holding sequence: UInt64, count: Int
    ) throws(EventLogError) -> (file: any File, places: [BatchPlace])? {
        do throws(FileError) {
            return try index.open(holding: sequence, count: count) { (name) throws(FileError) in
                try fileSystem.open(directory + "/" + name, .read)
            }
        } catch { throw EventLogError(error) }
    }

    private func readBatch(_ file: any File, at place: BatchPlace) throws(EventLogError) -> [Envelope] {
        do {
            let header = try BatchHeader(bytes: try read(file, at: place.offset, count: BatchHeader.byteCount))
            let stored = try read(file, at: place.offset, count: header.batchBytes)
            guard header.firstSequence == place.firstSequence else {
                throw BatchDefect.sequence(expected: place.firstSequence, found: header.firstSequence)
            }
            let decoder = try BatchDecoder()
            return try stored.withUnsafeBytes { buffer in
                let batch = ScannedBatch(
                    header: header, file: file.path, offset: place.offset,
                    text: try decoder.body(of: header, in: buffer), growth: TreeGrowth())
                return try batch.envelopes()
            }
        } catch let error as EventLogError {
            throw error
        } catch let error as FileError {
            throw EventLogError(error)
        } catch {
            throw EventLogError(
                .damaged, "a stored batch changed while the log was open: \(error). Stop and audit the log.",
                file: file.path, offset: place.offset, cause: error)
        }
    }

    private func read(_ file: any File, at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(FileError) {
                filled = try file.readFully(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension BatchHeader {
    init(bytes: [UInt8]) throws(BatchDefect) {
        let result: Result<BatchHeader, BatchDefect> = bytes.withUnsafeBytes { buffer in
            Result { () throws(BatchDefect) in try BatchHeader(buffer) }
        }
        self = try result.get()
    }
}
