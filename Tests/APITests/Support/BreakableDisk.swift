import EventStore
import Synchronization

/// The real disk, until a test breaks it: from then on every sync fails with EIO.
final class BreakableDisk: FileSystem {
    private let real = POSIXFileSystem()
    private let broken = Atomic(false)
    /// Changes of the disk that still happen before the process is as good as dead.
    private let changesLeft = Atomic(Int.max)

    var isBroken: Bool { broken.load(ordering: .acquiring) || changesLeft.load(ordering: .acquiring) <= 0 }

    /// Lets `count` more changes happen; from then on none reaches the disk, as when the process is killed there.
    func die(after count: Int) { changesLeft.store(count, ordering: .releasing) }

    fileprivate func change(_ operation: FileError.Operation, _ path: String) throws(FileError) {
        guard changesLeft.load(ordering: .acquiring) != .max else { return }
        guard changesLeft.subtract(1, ordering: .acquiringAndReleasing).oldValue > 0 else {
            throw FileError(operation, path: path, errno: Self.inputOutputError)
        }
    }

    func breakNow() { broken.store(true, ordering: .releasing) }

    private static let inputOutputError: Int32 = 5

    fileprivate func checkSync(_ path: String) throws(FileError) {
        try change(.sync, path)
        if broken.load(ordering: .acquiring) { throw FileError(.sync, path: path, errno: Self.inputOutputError) }
    }

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        if mode == .replace { try change(.open, path) }
        return BreakableFile(disk: self, file: try real.open(path, mode))
    }

    func list(_ directory: String) throws(FileError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(FileError) { try real.createDirectory(path) }
    func rename(_ source: String, to target: String) throws(FileError) {
        try change(.rename, source)
        try real.rename(source, to: target)
    }
    func remove(_ path: String) throws(FileError) {
        try change(.remove, path)
        try real.remove(path)
    }
    func exists(_ path: String) throws(FileError) -> Bool { try real.exists(path) }

    func syncDirectory(_ path: String) throws(FileError) {
        try checkSync(path)
        try real.syncDirectory(path)
    }
}

private final class BreakableFile: File {
    private let disk: BreakableDisk
    private let file: any File

    init(disk: BreakableDisk, file: any File) {
        self.disk = disk
        self.file = file
    }

    var path: String { file.path }
    func size() throws(FileError) -> Int { try file.size() }
    func truncate(to size: Int) throws(FileError) {
        try disk.change(.truncate, path)
        try file.truncate(to: size)
    }
    func lock() throws(FileError) -> Bool { try file.lock() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try disk.change(.write, path)
        return try file.write(bytes, at: offset)
    }

    func sync() throws(FileError) {
        try disk.checkSync(path)
        try file.sync()
    }
}
