import Merkle

/// Opens a log for writing: takes the lock, verifies every stored byte, sets a torn tail aside, rewrites the live
/// segment so that nothing is served that only the page cache holds.
struct LogOpener {
    let directory: String
    let fileSystem: any FileSystem
    let configuration: EventLogConfiguration
    let now: Timestamp
    /// The recovery key by whose leave the signer takes the place of the log's key.
    var recoveryKey: VerifierKey?

    static let lockName = "lock"
    static let checkpointName = "checkpoint"
    static let cosignedName = "checkpoint.cosigned"

    /// A log ready to be written to.
    struct OpenedLog {
        let writer: LogWriter
        let head: TreeHead
        let index: SegmentIndex
        let tiles: TileTree
        let checkpoint: Checkpoint?
        let keys: LogKeyHistory
        let lock: any File
        let report: RecoveryReport
    }

    /// - Parameter visit: shown every event in order; what it throws ends the opening.
    func open(
        signer: any CheckpointSigner, keeper: any SignedHeadKeeper, visit: ([Envelope]) throws -> Void
    ) throws(EventLogError) -> OpenedLog {
        do {
            try fileSystem.createDirectory(directory)
            let lock = try takeLock()
            try SegmentFile.removeTemporaries(in: directory, fileSystem: fileSystem)
            let checkpoint = try readCheckpoint()
            let promised = try promisedHeads(checkpoint: checkpoint, keeper: keeper)
            let tiles = TileTree(directory: directory, fileSystem: fileSystem)
            var keys = OpeningKeys(signer.verifierKey, recoveredBy: recoveryKey)
            let scan = try LogScanner(directory: directory, fileSystem: fileSystem)
                .scan(rootsAt: Set(promised.map(\.head.size))) { batch in
                    tiles.absorb(batch.growth)
                    try tiles.writeFullTiles()
                    let events = try batch.envelopes()
                    try keys.take(events)
                    try visit(events)
                }
            if let damage = scan.damage { throw Self.error(for: damage) }
            // A checkpoint that nobody signed proves nothing about the log: the signature comes first.
            let history = try keys.finish(checkpoint, path: directory + "/" + Self.checkpointName)
            for (head, source) in promised { try Self.check(scan, extends: head, in: source) }
            let (segment, cut) = try renewLiveSegment(scan)
            let writer = LogWriter(
                directory: directory, fileSystem: fileSystem, segmentBytes: configuration.segmentBytes,
                tree: scan.tree, segment: segment)
            return OpenedLog(
                writer: writer, head: TreeHead(size: scan.tree.size, root: scan.tree.root),
                index: SegmentIndex(scan.segments), tiles: tiles, checkpoint: checkpoint, keys: history, lock: lock,
                report: RecoveryReport(events: scan.tree.size, tail: scan.tail, cutFile: cut))
        } catch let error as EventLogError {
            throw error
        } catch let error as FileError {
            throw EventLogError(error)
        } catch {
            throw EventLogError(.io, "the log could not be opened: \(error)", file: directory, cause: error)
        }
    }

    private func takeLock() throws -> any File {
        let path = directory + "/" + Self.lockName
        let file = try fileSystem.open(path, .readWrite)
        guard try file.lockPatiently() else {
            let owner = String(decoding: try file.contents(), as: UTF8.self)
            throw EventLogError(
                .locked, "another process\(owner.isEmpty ? "" : " (pid \(owner))") has this log open. Stop it first.",
                file: path)
        }
        let text = ProcessIdentity.current
        try file.truncate(to: 0)
        try file.writeFully(Array(text.utf8), at: 0)
        return file
    }

    private func readCheckpoint() throws -> Checkpoint? {
        let path = directory + "/" + Self.checkpointName
        guard try fileSystem.exists(path) else { return nil }
        let text = String(decoding: try fileSystem.open(path, .read).contents(), as: UTF8.self)
        do throws(NoteError) { return try Checkpoint(text: text) } catch {
            throw OpeningKeys.foreign(checkpoint: error, path: path)
        }
    }

    /// Every head that was ever signed must still be part of the log.
    private func promisedHeads(checkpoint: Checkpoint?, keeper: any SignedHeadKeeper) throws
        -> [(head: TreeHead, source: String?)]
    {
        let path = directory + "/" + Self.checkpointName
        var heads: [(head: TreeHead, source: String?)] = checkpoint.map { [($0.head, path)] } ?? []
        do {
            if let highest = try keeper.highestSignedHead() { heads.append((highest, nil)) }
        } catch {
            throw EventLogError(.signing, "the vault cannot tell the highest signed head: \(error)", cause: error)
        }
        return heads
    }

    private static func error(for damage: LogScan.Damage) -> EventLogError {
        EventLogError(
            .damaged,
            "\(damage.what). Nothing was changed. Restore this file from a backup, or audit it with"
                + " `nrx-replay audit`.",
            file: damage.file, offset: damage.offset,
            sequences: damage.firstSequence...max(damage.firstSequence, damage.lastSequence ?? damage.firstSequence))
    }

    /// - Parameter source: the file that says so; nil when it is the keeper.
    private static func check(_ scan: LogScan, extends head: TreeHead, in source: String?) throws(EventLogError) {
        guard scan.tree.size >= head.size else {
            throw EventLogError(
                .rolledBack,
                "the log holds \(scan.tree.size) events, but \(head.size) were signed. Files were rolled"
                    + " back or lost: restore the newest copy. An older log can only go on under a new origin and key.",
                file: source, sequences: scan.tree.size...(head.size - 1))
        }
        guard scan.roots[head.size] == head.root else {
            throw EventLogError(
                .rolledBack, "the first \(head.size) events are not those that were signed with root \(head.root).",
                file: source, sequences: 0...max(1, head.size) - 1)
        }
    }

    /// Copies what was accepted of the live segment into a new zero-filled file and puts that in its place: after a
    /// failed or missing sync the page cache can show bytes that the disk never got.
    private func renewLiveSegment(_ scan: LogScan) throws -> (SegmentFile, cut: String?) {
        guard let last = scan.segments.last else {
            let prepared = try SegmentFile.prepare(
                in: directory, length: configuration.segmentBytes, fileSystem: fileSystem, label: "first")
            return (
                try SegmentFile.publish(prepared, firstSequence: 0, in: directory, fileSystem: fileSystem), nil
            )
        }
        let bytes = try fileSystem.open(directory + "/" + last.name, .read).contents()
        var cut: String?
        if case .torn(let end, _) = scan.segmentTail {
            cut = try setAside(Array(bytes[last.acceptedBytes..<end]))
        }
        let prepared = try SegmentFile.prepare(
            in: directory, accepted: Array(bytes[..<last.acceptedBytes]), length: configuration.segmentBytes,
            fileSystem: fileSystem, label: "live")
        let segment = try SegmentFile.publish(
            prepared, firstSequence: last.firstSequence, in: directory, fileSystem: fileSystem)
        return (segment, cut)
    }

    /// Keeps cut bytes beside the log, for whoever wants to know what was being written.
    private func setAside(_ bytes: [UInt8]) throws -> String {
        let name = "cut-" + now.compactText
        var path = directory + "/" + name
        var attempt = 1
        while try fileSystem.exists(path) {
            attempt += 1
            path = directory + "/\(name)-\(attempt)"
        }
        let file = try fileSystem.open(path, .replace)
        try file.writeFully(bytes, at: 0)
        try file.sync()
        return path
    }
}

/// What opening a log found, for the server's log.
public struct RecoveryReport: Sendable {
    /// Events in the log.
    public let events: UInt64
    public let tail: LogScan.Tail
    /// Where the bytes of a torn write were kept.
    public let cutFile: String?
}
