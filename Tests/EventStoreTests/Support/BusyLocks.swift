import Synchronization

@testable import EventStore

/// The real disk, whose locks are somebody else's for the first few times that they are asked for.
final class BusyLocks: ForwardingFileSystem {
    let real = POSIXFileSystem()
    let refusalsLeft: Mutex<Int>

    init(refusals: Int) { refusalsLeft = Mutex(refusals) }

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        BusyFile(file: try real.open(path, mode), locks: self)
    }

    fileprivate func refuses() -> Bool {
        refusalsLeft.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}

private final class BusyFile: File {
    private let file: any File
    private let locks: BusyLocks

    init(file: any File, locks: BusyLocks) {
        self.file = file
        self.locks = locks
    }

    var path: String { file.path }
    func size() throws(FileError) -> Int { try file.size() }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try file.read(into: buffer, at: offset)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try file.write(bytes, at: offset)
    }
    func sync() throws(FileError) { try file.sync() }
    func truncate(to size: Int) throws(FileError) { try file.truncate(to: size) }
    func lock() throws(FileError) -> Bool { locks.refuses() ? false : try file.lock() }
}
