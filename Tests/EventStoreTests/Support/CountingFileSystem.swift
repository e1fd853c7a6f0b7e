import Synchronization

@testable import EventStore

/// The real disk; notes which files are opened for reading.
final class CountingFileSystem: FileSystem {
    private let real = POSIXFileSystem()
    let opened = Mutex<[String]>([])

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        if mode == .read { opened.withLock { $0.append(path) } }
        return try real.open(path, mode)
    }

    func list(_ directory: String) throws(FileError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(FileError) { try real.createDirectory(path) }
    func rename(_ source: String, to target: String) throws(FileError) { try real.rename(source, to: target) }
    func remove(_ path: String) throws(FileError) { try real.remove(path) }
    func syncDirectory(_ path: String) throws(FileError) { try real.syncDirectory(path) }
    func exists(_ path: String) throws(FileError) -> Bool { try real.exists(path) }
}
