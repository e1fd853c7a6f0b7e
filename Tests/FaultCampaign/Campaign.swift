import Dispatch
import EventStore
import Synchronization

/// Many seeds, each a log with faults of its own, on all cores.
public enum Campaign {
    /// What stands between log and disk.
    public enum Disk: String, Sendable, CaseIterable, Codable {
        /// Does what it is asked, or fails.
        case honest
        /// Says that it synced files and did not.
        case ignoresSync = "ignores-sync"
        /// Says that it synced directories and did not.
        case ignoresDirectorySync = "ignores-directory-sync"
    }

    /// Runs `seeds` lives and counts what happened. Blocking.
    ///
    /// - Parameters:
    ///   - progress: called now and then with the number of seeds done, from any thread.
    /// - Returns: the counts; violations, ordered by seed, are in them.
    public static func run(
        seeds: Range<UInt64>, disk: Disk = .honest, threads: Int, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws -> CampaignCounts {
        let signer = try CampaignSigner()
        let next = Atomic<UInt64>(seeds.lowerBound)
        let total = Mutex(CampaignCounts())
        DispatchQueue.concurrentPerform(iterations: max(1, threads)) { _ in
            var counts = CampaignCounts()
            while true {
                let seed = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard seed < seeds.upperBound else { break }
                counts.add(live(seed: seed, disk: disk, signer: signer))
                let done = seed - seeds.lowerBound + 1
                if done.isMultiple(of: 10_000) { progress(Int(done)) }
            }
            total.withLock { $0.add(counts) }
        }
        var counts = total.withLock { $0 }
        counts.violations.sort { $0.seed < $1.seed }
        return counts
    }

    private static func live(seed: UInt64, disk: Disk, signer: CampaignSigner) -> CampaignCounts {
        var lives = LogLives(seed: seed, signer: signer) { simulated -> any FileSystem in
            if disk == .honest { return simulated }
            return LyingFileSystem(base: simulated, lie: disk)
        }
        var counts: CampaignCounts
        do {
            try lives.run()
            counts = lives.counts
        } catch {
            counts = lives.counts
            counts.violations.append(
                error as? Violation ?? lives.violation(Violation.Kind.refused, "unexpected error: \(error)"))
        }
        counts.seeds = 1
        return counts
    }
}

/// A file system that says it synced and did not, as some drives do: the harness must notice what gets lost by it.
struct LyingFileSystem: FileSystem {
    let base: SimulatedDisk
    let lie: Campaign.Disk

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        let file = try base.open(path, mode)
        return lie == .ignoresSync ? UnsyncedFile(base: file) : file
    }

    func syncDirectory(_ path: String) throws(FileError) {
        if lie != .ignoresDirectorySync { try base.syncDirectory(path) }
    }

    func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }
    func rename(_ source: String, to target: String) throws(FileError) { try base.rename(source, to: target) }
    func remove(_ path: String) throws(FileError) { try base.remove(path) }
    func exists(_ path: String) throws(FileError) -> Bool { try base.exists(path) }

    private final class UnsyncedFile: File {
        let base: any File
        var path: String { base.path }

        init(base: any File) { self.base = base }

        func size() throws(FileError) -> Int { try base.size() }
        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
            try base.read(into: buffer, at: offset)
        }
        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
            try base.write(bytes, at: offset)
        }
        func sync() throws(FileError) {}
        func truncate(to size: Int) throws(FileError) { try base.truncate(to: size) }
        func lock() throws(FileError) -> Bool { try base.lock() }
    }
}
