import EventStore
import Synchronization

/// The real disk, until a test breaks it: from then on every sync fails with EIO.
final class BreakableDisk: FileSystem {
    private let real = POSIXFileSystem()
    private let broken = Atomic(false)

    var isBroken: Bool { broken.load(ordering: .acquiring) }

    func breakNow() { broken.store(true, ordering: .releasing) }

    private static let inputOutputError: Int32 = 5

    fileprivate func checkSync(_ path: String) throws(FileError) {
        if isBroken { throw FileError(.sync, path: path, errno: Self.inputOutputError) }
    }

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        BreakableFile(disk: self, file: try real.open(path, mode))
    }

    func list(_ directory: String) throws(FileError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(FileError) { try real.createDirectory(path) }
    func rename(_ source: String, to target: String) throws(FileError) { try real.rename(source, to: target) }
    func remove(_ path: String) throws(FileError) { try real.remove(path) }
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
    func truncate(to size: Int) throws(FileError) { try file.truncate(to: size) }
    func lock() throws(FileError) -> Bool { try file.lock() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try file.write(bytes, at: offset)
    }

    func sync() throws(FileError) {
        try disk.checkSync(path)
        try file.sync()
    }
}
