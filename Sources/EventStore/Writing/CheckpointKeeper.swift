import Dispatch
import Synchronization

/// Signs the newest tree head, at most once an interval, and writes the full tiles. Runs on a thread of its own.
///
/// Order matters: the keeper's record is durable first, then the file, then anyone may see it. So a log that was rolled
/// back behind a checkpoint is always noticed.
final class CheckpointKeeper: Sendable {
    private struct State {
        var latest: Checkpoint?
        var cosigned: Checkpoint?
        var signer: any CheckpointSigner
        var keys: LogKeyHistory
        var failure: EventLogError?
        var isStopping = false
        var isIdle = true
    }

    private let directory: String
    private let fileSystem: any FileSystem
    private let keeper: any SignedHeadKeeper
    private let feed: CommitFeed
    private let tiles: TileTree
    private let intervalMilliseconds: Int
    private let state: Mutex<State>
    /// Held while a head is recorded, signed and stored.
    private let signing = Mutex(())
    private let grown = DispatchSemaphore(value: 0)
    private let stopping = DispatchSemaphore(value: 0)
    private let stopped = DispatchSemaphore(value: 0)

    init(
        directory: String, fileSystem: any FileSystem, signer: any CheckpointSigner, keys: LogKeyHistory? = nil,
        keeper: any SignedHeadKeeper, feed: CommitFeed, tiles: TileTree, intervalMilliseconds: Int, latest: Checkpoint?
    ) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.keeper = keeper
        self.feed = feed
        self.tiles = tiles
        self.intervalMilliseconds = intervalMilliseconds
        state = Mutex(State(latest: latest, signer: signer, keys: keys ?? LogKeyHistory(first: signer.verifierKey)))
    }

    /// The newest checkpoint.
    var latest: Checkpoint? { state.withLock { $0.latest } }

    /// The newest checkpoint by the current key with cosignatures of witnesses.
    var cosigned: Checkpoint? { state.withLock { $0.cosigned } }

    /// Takes over what an earlier run kept, if it is this log's; what is not is of no use and is overwritten later.
    func loadCosigned() {
        let path = directory + "/" + LogOpener.cosignedName
        guard let bytes = try? fileSystem.open(path, .read).contents(),
            let checkpoint = try? Checkpoint(text: String(decoding: bytes, as: UTF8.self)),
            (try? keys.verify(checkpoint)) != nil, checkpoint.head.size <= feed.head.size, isByCurrentKey(checkpoint)
        else { return }
        state.withLock { $0.cosigned = checkpoint }
    }

    /// Whether the key signs it that signs now. One by an earlier key is true, but whoever knows the new key only cannot
    /// check it.
    private func isByCurrentKey(_ checkpoint: Checkpoint) -> Bool {
        let keys = keys
        return keys.key(at: checkpoint.head.size) == keys.current
    }

    /// Stores a checkpoint with its cosignatures, unless a newer one is kept already, or it is by an earlier key. Blocking.
    func keepCosigned(_ checkpoint: Checkpoint) throws(EventLogError) {
        try signing.withLock { _ throws(EventLogError) in
            do throws(NoteError) { try keys.verify(checkpoint) } catch {
                throw EventLogError(.foreign, "the cosigned checkpoint is not this log's: \(error)", cause: error)
            }
            if let cosigned, cosigned.head.size > checkpoint.head.size { return }
            guard isByCurrentKey(checkpoint) else { return }
            do throws(FileError) { try store(checkpoint, as: LogOpener.cosignedName) } catch {
                throw EventLogError(error)
            }
            state.withLock { $0.cosigned = checkpoint }
        }
    }

    /// The log's keys so far.
    var keys: LogKeyHistory { state.withLock { $0.keys } }

    /// Why the last attempt to sign failed; nil when it did not.
    var failure: EventLogError? { state.withLock { $0.failure } }

    func start() {
        loadCosigned()
        DedicatedThread.start(name: "nrx-checkpoint") { [self] in
            while true {
                grown.wait()
                let isStopping = state.withLock { state in
                    state.isIdle = true
                    return state.isStopping
                }
                if isStopping { break }
                do throws(EventLogError) { _ = try signNow() } catch {
                    // Kept for health and tried again with the next commit; events stay durable without it.
                    state.withLock { $0.failure = error }
                }
                if stopping.wait(timeout: .now() + .milliseconds(intervalMilliseconds)) == .success { break }
            }
            stopped.signal()
        }
    }

    /// Tells the thread that there is something to sign. Cheap.
    func noteGrowth() {
        let wakes = state.withLock { state in
            defer { state.isIdle = false }
            return state.isIdle
        }
        if wakes { grown.signal() }
    }

    /// Ends the thread and waits for it. Blocking.
    func stop() {
        state.withLock { $0.isStopping = true }
        grown.signal()
        stopping.signal()
        stopped.wait()
    }

    /// Signs the durable head unless the latest checkpoint already covers it. Blocking; one caller at a time, so that
    /// heads are recorded in the order of their sizes.
    func signNow() throws(EventLogError) -> Checkpoint {
        try signing.withLock { _ throws(EventLogError) in try signHead() }
    }

    /// Gives the log another key: nothing is signed while `append` puts the rotation's event into the log. Blocking.
    ///
    /// - Parameter append: makes the event durable and returns the rotation that it carries.
    func rotate(
        to next: any CheckpointSigner,
        _ append: (any CheckpointSigner) throws(EventLogError) -> LogKeyRotation
    ) throws(EventLogError) -> LogKeyRotation {
        try signing.withLock { _ throws(EventLogError) in
            let rotation = try append(state.withLock { $0.signer })
            var keys = self.keys
            do throws(NoteError) { try keys.apply(rotation) } catch {
                throw EventLogError(.signing, "the log's key cannot be rotated: \(error)", cause: error)
            }
            state.withLock { state in
                state.signer = next
                state.keys = keys
                state.cosigned = nil
            }
            return rotation
        }
    }

    private func signHead() throws(EventLogError) -> Checkpoint {
        do throws(FileError) { try tiles.writeFullTiles() } catch { throw EventLogError(error) }
        let head = feed.head
        if let latest, latest.head == head { return latest }
        let signer = state.withLock { $0.signer }
        let checkpoint = try Checkpoint(origin: signer.verifierKey.name, head: head, signer: signer)
        do { try keeper.recordSignedHead(head) } catch {
            throw EventLogError(.signing, "the vault could not record a signed head: \(error)", cause: error)
        }
        let edge = try TileEdge(of: tiles, size: head.size)
        do throws(FileError) {
            try store(checkpoint, as: LogOpener.checkpointName)
            try store(edge)
        } catch { throw EventLogError(error) }
        state.withLock { state in
            state.latest = checkpoint
            state.failure = nil
        }
        return checkpoint
    }

    /// Derived, and written anew with every checkpoint: it need not survive anything.
    private func store(_ edge: TileEdge) throws(FileError) {
        let temporary = directory + "/.tmp-" + TileEdge.fileName
        try fileSystem.open(temporary, .replace).writeFully(edge.bytes, at: 0)
        try fileSystem.rename(temporary, to: directory + "/" + TileEdge.fileName)
    }

    private func store(_ checkpoint: Checkpoint, as name: String) throws(FileError) {
        let path = directory + "/" + name
        let temporary = directory + "/.tmp-" + name
        let file = try fileSystem.open(temporary, .replace)
        try file.writeFully(Array(checkpoint.text.utf8), at: 0)
        try file.sync()
        try fileSystem.rename(temporary, to: path)
        try fileSystem.syncDirectory(directory)
    }
}
