import Synchronization

@testable import EventStore

/// The real disk; notes which files are opened for reading.
final class CountingFileSystem: ForwardingFileSystem {
    let real = POSIXFileSystem()
    let opened = Mutex<[String]>([])

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        if mode == .read { opened.withLock { $0.append(path) } }
        return try real.open(path, mode)
    }
}
