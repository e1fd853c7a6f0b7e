import Glibc
import Merkle

/// Copies a log into another directory: online, incremental, resumable, and verified.
///
/// ```swift
/// let report = try LogBackup(source: "data/log", destination: "/mnt/backup/log").run()
/// ```
///
/// - Read-only on the source and without its lock: a server may write and recompress all the while. What was durable
///   when the call began is in the copy; the live segment is cut at the end of a batch.
/// - Every byte copied was decompressed and hashed up to the tree's root before it is written, and read back and
///   compared afterwards. Segments that are in the copy already cost two small reads.
/// - Each file takes its place by a rename, so an interrupted run leaves an older backup that is whole, and the next
///   one goes on where it stopped.
/// - A source that does not extend the copy is refused; the copy stays as it was.
///
/// The copy is a log directory: audited, or served from, as it is. Memory: one segment, twice.
public struct LogBackup: Sendable {
    public let source: String
    public let destination: String
    /// Whether segments that are in the copy already are read and hashed again.
    public var verifiesWholeCopy = false
    /// Asked before each segment; a run that should not go on ends with `closed`, and the next one goes on where it stopped.
    public var shouldGoOn: @Sendable () -> Bool = { true }
    let fileSystem: any FileSystem

    private static let temporaryPath = "/" + SegmentFile.temporaryPrefix + "backup"
    /// How often the source is listed again because it grew a segment meanwhile.
    private static let roundsMax = 16
    /// How often, and with what pauses, what looks damaged at the end of a live segment is looked at again: a write
    /// may be under way.
    private static let settleAttempts = 5
    private static let settleMicroseconds: UInt32 = 50_000

    public init(source: String, destination: String, fileSystem: any FileSystem = POSIXFileSystem()) {
        self.source = source
        self.destination = destination
        self.fileSystem = fileSystem
    }

    /// Makes the copy hold what the log holds. Blocking.
    ///
    /// - Parameter progress: called after each segment with the report so far.
    /// - Throws: `locked` when a server or another backup uses the destination; `damaged` and `rolledBack`, with file
    ///   and events, when the source is not a log that extends the copy; `io`.
    public func run(progress: (BackupReport) -> Void = { _ in }) throws(EventLogError) -> BackupReport {
        do {
            let checkpoint = try readCheckpoint()
            guard !(try LogScanner(directory: source, fileSystem: fileSystem).segments()).isEmpty else {
                throw EventLogError(
                    .io, "\(source) holds no log. Name the directory that holds the *.jsonl.lz4 files.", file: source)
            }
            try fileSystem.createDirectory(destination)
            let lock = try takeLock()
            // Held to the end of the run.
            defer { withExtendedLifetime(lock) {} }
            try SegmentFile.removeTemporaries(in: destination, fileSystem: fileSystem)
            var report = BackupReport()
            var record = try examineCopy(&report)
            let sizeBefore = record.tree.size
            try copySegments(into: &record, report: &report) { record, report in
                report.head = TreeHead(size: record.tree.size, root: record.tree.root)
                report.newEvents = record.tree.size - min(sizeBefore, record.tree.size)
                progress(report)
            }
            if let checkpoint {
                try check(checkpoint.head, against: record)
                try write(Array(checkpoint.text.utf8), to: LogOpener.checkpointName)
                report.checkpointSize = checkpoint.head.size
            }
            return report
        } catch let error as EventLogError {
            throw error
        } catch let error as FileError {
            throw EventLogError(
                .io, "\(error). What was copied before is whole; run the backup again to go on.", file: error.path,
                cause: error)
        } catch {
            throw EventLogError(.io, "the log could not be copied: \(error)", file: source, cause: error)
        }
    }

    private func takeLock() throws -> any File {
        let path = destination + "/" + LogOpener.lockName
        let file = try fileSystem.open(path, .readWrite)
        guard try file.lockPatiently() else {
            throw EventLogError(
                .locked, "a server or another backup uses \(destination). Stop it first, or name another directory.",
                file: path)
        }
        return file
    }

    /// The source's checkpoint, read before its segments, which can then only be newer.
    private func readCheckpoint() throws -> Checkpoint? {
        let path = source + "/" + LogOpener.checkpointName
        guard try fileSystem.exists(path) else { return nil }
        let text = String(decoding: try fileSystem.open(path, .read).contents(), as: UTF8.self)
        do throws(NoteError) { return try Checkpoint(text: text) } catch {
            throw EventLogError(.damaged, "the checkpoint beside the log is not readable: \(error).", file: path)
        }
    }

    // MARK: The copy as it is

    /// What the copy holds, from its record where that fits, else from its bytes. A copy that is not whole counts up to
    /// its first bad segment, which is then copied anew.
    private func examineCopy(_ report: inout BackupReport) throws -> BackupRecord {
        let path = destination + "/" + BackupRecord.name
        let recorded =
            try fileSystem.exists(path) && !verifiesWholeCopy
            ? BackupRecord(text: try fileSystem.open(path, .read).contents()) : BackupRecord()
        var record = BackupRecord()
        let present = try LogScanner(directory: destination, fileSystem: fileSystem).segments()
        for (index, segment) in present.enumerated() {
            guard segment.firstSequence == record.tree.size else { break }
            if index < recorded.segments.count, try holds(recorded.segments[index], named: segment.name) {
                record.segments.append(recorded.segments[index])
                continue
            }
            let path = destination + "/" + segment.name
            let bytes = try fileSystem.open(path, .read).contents()
            let scanned = try SegmentScan(bytes, name: segment.name, path: path, tree: record.tree, isLast: true)
            guard scanned.damage == nil, scanned.isCut(at: bytes.count), let entry = scanned.entry else {
                report.damagedCopies.append(path)
                break
            }
            record.segments.append(entry)
        }
        return record
    }

    /// Whether the copy of `segment` has the recorded length and ends with the recorded tree: its last header holds the
    /// root, so a wrong record is noticed.
    private func holds(_ segment: BackupRecord.Segment, named name: String) throws -> Bool {
        guard segment.name == name else { return false }
        let file = try fileSystem.open(destination + "/" + name, .read)
        guard try file.size() == segment.bytes else { return false }
        let bytes = try file.bytes(at: segment.lastBatchOffset, count: BatchHeader.byteCount)
        // A header that cannot be read is a reason to look at the whole segment, no more.
        guard let header = try? BatchHeader(bytes: bytes) else { return false }
        return header.treeSize == segment.tree.size && header.root == segment.tree.root
            && segment.lastBatchOffset + header.batchBytes == segment.bytes
    }

    // MARK: Copying

    private func copySegments(
        into record: inout BackupRecord, report: inout BackupReport,
        progress: (BackupRecord, inout BackupReport) -> Void
    ) throws {
        var done = 0
        for _ in 0..<Self.roundsMax {
            let segments = try LogScanner(directory: source, fileSystem: fileSystem).segments()
            try refuseShorter(segments, than: record)
            guard done < segments.count else { return }
            // The last one of the round before may have grown, been sealed, and have successors.
            for index in max(0, done - 1)..<segments.count {
                guard shouldGoOn() else {
                    throw EventLogError(.closed, "the backup was stopped. Run it again to go on.", file: destination)
                }
                let isLast = index == segments.count - 1
                try copy(
                    segments[index], at: index, isLast: isLast, into: &record, report: &report, isAgain: index < done)
                progress(record, &report)
            }
            done = segments.count
            report.segments = done
        }
    }

    /// A source that lacks segments of the copy was rolled back or is another log.
    private func refuseShorter(
        _ segments: [(name: String, firstSequence: UInt64)], than record: BackupRecord
    ) throws(EventLogError) {
        for segment in record.segments where !segments.contains(where: { $0.name == segment.name }) {
            throw EventLogError(
                .rolledBack,
                "the backup holds segment \(segment.name), the log does not. Files were lost or rolled back, or this is"
                    + " the backup of another log. The backup was left as it is; use another directory for this log.",
                file: source)
        }
    }

    private func copy(
        _ segment: (name: String, firstSequence: UInt64), at index: Int, isLast: Bool,
        into record: inout BackupRecord, report: inout BackupReport, isAgain: Bool
    ) throws {
        let held = index < record.segments.count ? record.segments[index] : nil
        let before = index > 0 ? record.segments[index - 1].tree : CompactRange()
        guard segment.firstSequence == before.size else {
            throw EventLogError(
                .damaged, "the segment that should begin with event \(before.size) is missing.",
                file: source + "/" + segment.name, sequences: before.size...max(before.size, segment.firstSequence))
        }
        if let held, try isUnchanged(held, isLast: isLast) {
            if !isAgain { report.unchanged += 1 }
            return
        }
        let (bytes, scanned) = try read(segment.name, from: before, isLast: isLast, held: held)
        guard let entry = scanned.entry else { return }
        try write(Array(bytes[..<entry.bytes]), to: segment.name)
        record.segments.replaceSubrange(
            min(index, record.segments.count)..<min(index + 1, record.segments.count), with: [entry])
        try write(Array(record.text.utf8), to: BackupRecord.name)
        report.copiedBytes += entry.bytes
        if held == nil {
            if !isAgain { report.copied += 1 }
        } else if scanned.isRecompressed {
            report.recompressed += 1
        } else if !isAgain {
            report.renewed += 1
        }
    }

    /// Whether the source still has, at the same place, the batch that the copy ends with, and nothing behind it.
    private func isUnchanged(_ held: BackupRecord.Segment, isLast: Bool) throws -> Bool {
        let file = try fileSystem.open(source + "/" + held.name, .read)
        let size = try file.size()
        guard size == held.bytes || isLast && size > held.bytes else { return false }
        let ours = try fileSystem.open(destination + "/" + held.name, .read)
        let last = try file.bytes(at: held.lastBatchOffset, count: BatchHeader.byteCount)
        guard try last == ours.bytes(at: held.lastBatchOffset, count: BatchHeader.byteCount) else { return false }
        guard size > held.bytes else { return true }
        // Only the filler may follow; anything else is looked at properly.
        return try file.bytes(at: held.bytes, count: Filler.headerBytes) == Filler.header(covering: size - held.bytes)
    }

    /// A segment of the source, verified from `tree` on.
    private func read(
        _ name: String, from tree: CompactRange, isLast: Bool, held: BackupRecord.Segment?
    ) throws -> (bytes: [UInt8], scan: SegmentScan) {
        let path = source + "/" + name
        var attempt = 1
        while true {
            let bytes = try fileSystem.open(path, .read).contents()
            let scanned = try SegmentScan(
                bytes, name: name, path: path, tree: tree, isLast: isLast, rootAt: held?.tree.size)
            if let damage = scanned.damage {
                if isLast, attempt < Self.settleAttempts {
                    attempt += 1
                    usleep(Self.settleMicroseconds)
                    continue
                }
                throw EventLogError(
                    .damaged, "\(damage.what). This segment was not copied; earlier ones were. Audit the log.",
                    file: damage.file, offset: damage.offset,
                    sequences: damage
                        .firstSequence...max(
                            damage.firstSequence, damage.lastSequence ?? damage.firstSequence))
            }
            if let held, scanned.rootAtHeld != held.tree.root {
                throw EventLogError(
                    .rolledBack,
                    "the log's first \(held.tree.size) events are not those of the backup, or there are fewer. The"
                        + " backup was left as it is; use another directory for this log.", file: path,
                    sequences: tree.size...(held.tree.size - 1))
            }
            return (bytes, scanned)
        }
    }

    /// Writes a file of the copy, reads it back, and gives it its name, durably.
    private func write(_ bytes: [UInt8], to name: String) throws {
        let temporary = destination + Self.temporaryPath
        let file = try fileSystem.open(temporary, .replace)
        try file.writeFully(bytes, at: 0)
        try file.sync()
        guard try file.contents() == bytes else {
            throw EventLogError(
                .io, "what was written to the destination reads back differently. Check its disk.", file: temporary)
        }
        try fileSystem.rename(temporary, to: destination + "/" + name)
        try fileSystem.syncDirectory(destination)
    }

    /// What was signed must be part of what was copied.
    private func check(_ head: TreeHead, against record: BackupRecord) throws {
        let root: Hash?
        if let whole = record.segments.first(where: { $0.tree.size >= head.size }) {
            if whole.tree.size == head.size {
                root = whole.tree.root
            } else {
                let before = record.segments.last { $0.tree.size <= whole.firstSequence }?.tree ?? CompactRange()
                let path = destination + "/" + whole.name
                let bytes = try fileSystem.open(path, .read).contents()
                root = try SegmentScan(
                    bytes, name: whole.name, path: path, tree: before, isLast: true, rootAt: head.size
                )
                .rootAtHeld
            }
        } else {
            root = nil
        }
        guard head.size == 0 || root == head.root else {
            throw EventLogError(
                .rolledBack,
                "the checkpoint beside the log signs \(head.size) events that the log does not hold; it holds"
                    + " \(record.tree.size). Files were rolled back or lost. The checkpoint was not copied.",
                file: source + "/" + LogOpener.checkpointName)
        }
    }
}
