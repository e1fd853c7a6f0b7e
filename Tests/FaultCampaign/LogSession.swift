import Merkle

@testable import EventStore

/// A log between its opening and its end, put together as ``EventLog`` does it but without threads, so that every file
/// operation has its number.
struct LogSession {
    private let tiles: TileTree
    private let index: SegmentIndex
    private let feed: CommitFeed
    private let checkpoints: CheckpointKeeper
    private let reader: LogReader
    private let recompressor: SegmentRecompressor
    private var writer: LogWriter
    /// Held for as long as the log is open.
    private let lock: any File

    init(_ opened: LogOpener.OpenedLog, fileSystem: any FileSystem, signer: CampaignSigner, keeper: CampaignHeadKeeper)
    {
        tiles = opened.tiles
        index = opened.index
        writer = opened.writer
        lock = opened.lock
        feed = CommitFeed(head: opened.head, eventsMax: 16)
        checkpoints = CheckpointKeeper(
            directory: LogLives.directory, fileSystem: fileSystem, signer: signer, keeper: keeper, feed: feed,
            tiles: tiles, intervalMilliseconds: 1000, latest: opened.checkpoint)
        reader = LogReader(directory: LogLives.directory, fileSystem: fileSystem, index: index, feed: feed)
        recompressor = SegmentRecompressor(directory: LogLives.directory, fileSystem: fileSystem)
    }

    /// Commits one batch as the writer thread does.
    mutating func commit(_ drafts: [EventDraft]) throws(EventLogError) {
        let commit = try writer.commit(drafts.map(EncodedEvent.init), at: LifeEvents.start)
        index.add(
            segmentFirstSequence: commit.segmentFirstSequence,
            batch: .init(firstSequence: commit.header.firstSequence, offset: commit.offset),
            treeBefore: commit.treeBefore)
        tiles.absorb(commit.growth)
        feed.publish([], head: TreeHead(size: commit.header.treeSize, root: commit.header.root))
    }

    /// After a failure nothing more may be acknowledged.
    mutating func checkPoisoned(_ violation: () -> Violation) throws {
        var generator = SeededGenerator(seed: 0)
        do throws(EventLogError) {
            try commit([LifeEvents.draft(1 << 40, padding: 0, using: &generator)])
        } catch {
            if error.code == .poisoned { return }
        }
        throw violation()
    }

    /// Signs a checkpoint; where that fails the events stay durable without it.
    func sign(counting counts: inout CampaignCounts) {
        do throws(EventLogError) {
            _ = try checkpoints.signNow()
            counts.checkpoints += 1
        } catch { counts.checkpointsFailed += 1 }
    }

    /// Recompresses one sealed segment, if there is any; where that fails the old one stays.
    func recompress(counting counts: inout CampaignCounts) {
        guard let segment = index.nextToRecompress() else { return }
        do throws(EventLogError) {
            if try index.recompress(segment, with: recompressor, pace: { _ in true }) != nil {
                counts.recompressions += 1
            }
        } catch { counts.recompressionsFailed += 1 }
    }

    func read(from position: Int, count: Int) throws(EventLogError) -> [Envelope] {
        try reader.read(from: UInt64(position), count: count)
    }

    /// A clean stop; where it fails the log is as after a crash.
    func close() {
        do throws(EventLogError) {
            try writer.seal()
            _ = try checkpoints.signNow()
        } catch { return }
    }
}
