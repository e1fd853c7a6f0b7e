public import EventStore
import GRDB
public import Ledger
import Synchronization

/// The read models: SQLite tables that are functions of the log alone. Deleting the file loses nothing.
///
/// ```swift
/// let store = try ProjectionStore(path: "data/projections.sqlite")
/// try store.apply(envelopes)          // from store.position on, in order
/// try store.finishRebuild()           // when caught up
/// let session = try store.session(id, of: customer, in: .live)
/// ```
///
/// One writer, which alone checkpoints; reads go through connections of their own with prepared statements and see
/// everything that ``apply(_:)`` has returned from. WAL with `synchronous=NORMAL`: a power loss can cost the newest
/// rows, which are then applied again from the log, never consistency.
///
/// Blocking: call ``apply(_:)``, ``digest()`` and opening from a thread of your own, never from the cooperative pool.
public final class ProjectionStore: Sendable {
    /// How opening found the file.
    public enum Opening: Sendable, Equatable {
        /// There was none.
        case created
        /// It is sound; apply from ``ProjectionStore/position`` on.
        case continued
        /// It is damaged or of another version. A new one is built beside it from position 0, and takes its place at
        /// ``ProjectionStore/finishRebuild()``.
        case rebuilding(reason: String)
    }

    /// How opening found the file.
    public let opening: Opening
    /// All API keys, in memory.
    public let keys: KeyDirectory

    let path: String
    let customers: CustomerDirectory
    let readers: ReaderPool
    /// Accounts are a few hundred bytes, proofs up to a few thousand: in all some 10 MiB at most.
    let accountCache = ReadCache<AccountView.Question, AccountView>(countMax: 4_096)
    let proofCache = ReadCache<ProofView.Question, String>(countMax: 1_024)
    let keyCache = ReadCache<String, VerificationKeyView>(countMax: 4_096)
    private let writer: Mutex<ProjectionWriter>
    private let committed: Atomic<UInt64>

    /// Opens the file at `path`, or makes it.
    ///
    /// - Throws: ``ProjectionError`` `storage` when the place cannot be written; damage is not an error (``opening``).
    public convenience init(path: String) throws(ProjectionError) {
        try self.init(path: path, found: try ProjectionFile.examine(path))
    }

    /// The same for a file that need not be looked at again: one that was found sound (``reasonToBuild(at:)``), or that
    /// ``ProjectionBuilder/finish()`` has just made.
    public convenience init(soundAt path: String) throws(ProjectionError) { try self.init(path: path, found: .sound) }

    /// Why a server cannot go on from the file at `path`, and must have one built from the log; nil when it can. About a second
    /// for 500 MB.
    ///
    /// - Throws: ``ProjectionError`` `storage` when it cannot be looked at.
    public static func reasonToBuild(at path: String) throws(ProjectionError) -> String? {
        switch try ProjectionFile.examine(path) {
        case .sound: nil
        case .missing: "there is none"
        case .unsound(let reason): reason
        }
    }

    private init(path: String, found: ProjectionFile.Finding) throws(ProjectionError) {
        let directories = Directories()
        let workingPath: String
        switch found {
        case .missing:
            opening = .created
            workingPath = path
        case .sound:
            opening = .continued
            workingPath = path
        case .unsound(let reason):
            opening = .rebuilding(reason: reason)
            workingPath = ProjectionFile.rebuildPath(path)
            try ProjectionFile.remove(workingPath)
        }
        let writer = try ProjectionWriter(path: workingPath, directories: directories)
        committed = Atomic(writer.position)
        readers = try ReaderPool(path: workingPath)
        self.writer = Mutex(writer)
        self.path = path
        (keys, customers) = (directories.keys, directories.customers)
    }

    /// The sequence number of the event that must be applied next. Everything before it is visible to reads.
    public var position: UInt64 { committed.load(ordering: .acquiring) }

    /// Applies the next events of the log in one transaction.
    ///
    /// Larger batches cost less an event. After an error nothing of the batch is visible.
    ///
    /// - Throws: ``ProjectionError`` `gap` when the first is not the one at ``position`` or one is missing between,
    ///   `event` when one cannot be read or placed, `storage` or `damaged` by SQLite.
    ///
    /// - Parameter decided: what the event with this number says, where the caller knows that and it need not be read; the
    ///   same as is to be read.
    public func apply(
        _ envelopes: [Envelope], decided: (UInt64) -> LedgerEvent? = { _ in nil }
    ) throws(ProjectionError) {
        guard !envelopes.isEmpty else { return }
        // Before the lock: this needs nothing of the file.
        let opened = try OpenedEnvelope.all(envelopes, decided: decided)
        try writer.withLock { writer throws(ProjectionError) in
            try writer.apply(opened)
            committed.store(writer.position, ordering: .releasing)
        }
    }

    /// Puts a rebuilt file in the place of the one that was not trusted. Does nothing when nothing was rebuilt.
    ///
    /// Call it when the projections have caught up with the log; before, a restart begins the rebuild again.
    public func finishRebuild() throws(ProjectionError) {
        guard case .rebuilding = opening else { return }
        try writer.withLock { writer throws(ProjectionError) in
            guard writer.path != path else { return }
            // The writer closes last, so that it is the one that checkpoints and removes the WAL.
            try readers.reopen(path: path) { () throws(ProjectionError) in
                try writer.close()
                try ProjectionFile.replace(path, by: writer.path)
                writer = try ProjectionWriter(path: path, directories: Directories(keys: keys, customers: customers))
            }
        }
    }

    /// Closes the file in good order. Later calls fail.
    public func close() throws(ProjectionError) {
        try writer.withLock { writer throws(ProjectionError) in
            readers.close()
            try writer.close()
        }
    }

    /// Runs `body` with the path of the file in use, while nothing is being applied.
    func whileQuiet<Result: Sendable>(
        _ body: (_ path: String) throws(ProjectionError) -> Result
    ) throws(ProjectionError) -> Result {
        try writer.withLock { writer throws(ProjectionError) in try body(writer.path) }
    }
}
