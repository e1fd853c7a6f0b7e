/// The segment that is written to: accepted batches, then the filler up to the end of the file.
///
/// Owned by the writer.
struct SegmentFile {
    let path: String
    let firstSequence: UInt64
    private let file: any File
    /// Where the next batch goes.
    private(set) var offset: Int
    private let fileBytes: Int

    static let temporaryPrefix = ".tmp-"
    private static let zeroChunkBytes = 1 << 20

    /// Whether a batch of this length still fits.
    func fits(_ batchBytes: Int) -> Bool { offset + batchBytes <= fileBytes }

    /// Writes a batch and the filler behind it in one write, and syncs. After an error nothing is known about the disk.
    mutating func append(_ batch: consuming [UInt8]) throws(FileError) {
        var bytes = batch
        let length = bytes.count
        let rest = fileBytes - offset - length
        if rest > 0 { bytes.append(contentsOf: Filler.header(covering: rest)) }
        try file.writeFully(bytes, at: offset)
        try file.sync()
        offset += length
    }

    /// Cuts the filler off; the file is then exactly its batches.
    func seal() throws(FileError) {
        try file.truncate(to: offset)
        try file.sync()
    }

    /// Writes a new segment beside the log: `accepted`, then zeros under a filler, synced, under a temporary name.
    ///
    /// - Parameter length: of the file, in bytes; grown when `accepted` is longer.
    static func prepare(
        in directory: String, accepted: [UInt8] = [], length: Int, fileSystem: any FileSystem, label: String
    ) throws(FileError) -> PreparedSegment {
        let path = directory + "/" + temporaryPrefix + label
        let file = try fileSystem.open(path, .replace)
        let fileBytes = max(length, accepted.count)
        try file.writeFully(accepted, at: 0)
        let zeros = [UInt8](repeating: 0, count: min(zeroChunkBytes, max(0, fileBytes - accepted.count)))
        var position = accepted.count
        while position < fileBytes {
            let count = min(zeros.count, fileBytes - position)
            try file.writeFully(count == zeros.count ? zeros : Array(zeros[..<count]), at: position)
            position += count
        }
        if fileBytes > accepted.count {
            try file.writeFully(Filler.header(covering: fileBytes - accepted.count), at: accepted.count)
        }
        try file.sync()
        return PreparedSegment(path: path, file: file, acceptedBytes: accepted.count, fileBytes: fileBytes)
    }

    /// Gives a prepared segment its name, durably.
    static func publish(
        _ prepared: PreparedSegment, firstSequence: UInt64, in directory: String, fileSystem: any FileSystem
    ) throws(FileError) -> SegmentFile {
        let path = directory + "/" + SegmentName.of(firstSequence: firstSequence)
        try fileSystem.rename(prepared.path, to: path)
        try fileSystem.syncDirectory(directory)
        return SegmentFile(
            path: path, firstSequence: firstSequence, file: prepared.file, offset: prepared.acceptedBytes,
            fileBytes: prepared.fileBytes)
    }

    /// Removes what an interrupted preparation left behind.
    static func removeTemporaries(in directory: String, fileSystem: any FileSystem) throws(FileError) {
        for name in try fileSystem.list(directory) where name.hasPrefix(temporaryPrefix) {
            try fileSystem.remove(directory + "/" + name)
        }
    }
}

/// A zero-filled, synced segment that has no name in the log yet.
struct PreparedSegment: Sendable {
    let path: String
    let file: any File
    let acceptedBytes: Int
    let fileBytes: Int
}
