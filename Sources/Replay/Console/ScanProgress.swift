import EventStore

/// How far a reading of a log has come.
public struct ScanProgress: Sendable {
    /// Stored bytes verified so far.
    public private(set) var doneBytes = 0
    /// Stored bytes of all segments, the unused end of the live one included.
    public let totalBytes: Int
    public private(set) var events: UInt64 = 0

    /// Looks at the sizes of the log's segments.
    init(_ scanner: LogScanner) throws(AuditorError) {
        do throws(EventLogError) {
            let segments = try scanner.segments()
            guard !segments.isEmpty else {
                throw EventLogError(
                    .io, "\(scanner.directory) holds no log. Name the directory that holds the *.jsonl.lz4 files.",
                    file: scanner.directory)
            }
            var total = 0
            for segment in segments {
                let path = scanner.directory + "/" + segment.name
                do throws(FileError) { total += try POSIXFileSystem().open(path, .read).size() } catch {
                    throw EventLogError(.io, "\(error).", file: path, cause: error)
                }
            }
            totalBytes = total
        } catch { throw AuditorError(error) }
    }

    mutating func add(_ header: BatchHeader) {
        doneBytes += header.storedBytes
        events = header.treeSize
    }
}
