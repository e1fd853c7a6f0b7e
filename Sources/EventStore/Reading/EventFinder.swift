/// Finds one event in a log's files without reading the log: the segment by its name, the batch by halving.
///
/// Nothing but the batch's checksums is verified: whoever wants more holds the line against a root. Blocking.
package struct EventFinder {
    private let directory: String
    private let fileSystem: any FileSystem
    /// Bytes that are searched for a header at a time, and below which batches are walked one by one.
    private static let chunkBytes = 1 << 16

    package init(directory: String, fileSystem: any FileSystem = POSIXFileSystem()) {
        (self.directory, self.fileSystem) = (directory, fileSystem)
    }

    /// The line of event `sequence`, without its newline; nil when it does not stand where it should.
    ///
    /// Cost: reads of 64 KiB, about as many as the segment's length has bits above that; one batch is decompressed.
    ///
    /// - Throws: `io` when a file cannot be read.
    package func line(of sequence: UInt64) throws(EventLogError) -> [UInt8]? {
        let segments = try LogScanner(directory: directory, fileSystem: fileSystem).segments()
        guard let segment = segments.last(where: { $0.firstSequence <= sequence }) else { return nil }
        do throws(FileError) {
            let file = try fileSystem.open(directory + "/" + segment.name, .read)
            guard let (header, offset) = try batch(holding: sequence, in: file) else { return nil }
            let bytes = try file.bytes(at: offset, count: header.batchBytes)
            return Self.line(Int(sequence - header.firstSequence), of: bytes, header: header)
        } catch { throw EventLogError(error) }
    }

    private static func line(_ index: Int, of bytes: [UInt8], header: BatchHeader) -> [UInt8]? {
        bytes.withUnsafeBytes { buffer in
            // A batch whose checksums do not hold has no such line.
            guard let decoder = try? BatchDecoder(), let text = try? decoder.body(of: header, in: buffer) else {
                return nil
            }
            var lines = LineIterator(text: text)
            for _ in 0..<index where lines.next() == nil { return nil }
            return lines.next().map { Array($0) }
        }
    }

    private func batch(
        holding sequence: UInt64, in file: any File
    ) throws(FileError) -> (header: BatchHeader, offset: Int)? {
        var (low, high) = (0, try file.size())
        while high - low > Self.chunkBytes {
            let middle = (low + high) / 2 / BatchHeader.byteCount * BatchHeader.byteCount
            if let (header, offset) = try header(in: file, from: middle, to: high), header.firstSequence <= sequence {
                low = offset
                if sequence < header.treeSize { return (header, offset) }
            } else {
                high = middle
            }
        }
        // `low` is the start of a batch that begins at or before the event.
        while let header = try header(in: file, at: low), header.firstSequence <= sequence {
            if sequence < header.treeSize { return (header, low) }
            low += header.batchBytes
        }
        return nil
    }

    /// The first batch header at or after `offset`, which is a multiple of 128.
    private func header(
        in file: any File, from offset: Int, to end: Int
    ) throws(FileError) -> (header: BatchHeader, offset: Int)? {
        for start in stride(from: offset, to: end, by: Self.chunkBytes) {
            let bytes = try file.bytes(at: start, count: min(Self.chunkBytes, end - start))
            let found = bytes.withUnsafeBytes { buffer -> (BatchHeader, Int)? in
                for place in stride(from: 0, to: buffer.count, by: BatchHeader.byteCount) {
                    let rest = UnsafeRawBufferPointer(rebasing: buffer[place...])
                    guard rest.count >= BatchHeader.byteCount, rest.load(UInt32.self, at: 0) == BatchHeader.magic,
                        let header = try? BatchHeader(rest)
                    else { continue }
                    return (header, start + place)
                }
                return nil
            }
            if let found { return found }
        }
        return nil
    }

    private func header(in file: any File, at offset: Int) throws(FileError) -> BatchHeader? {
        let bytes = try file.bytes(at: offset, count: BatchHeader.byteCount)
        return bytes.withUnsafeBytes { try? BatchHeader($0) }
    }
}
