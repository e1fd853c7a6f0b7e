import CLinux
import Glibc
import Synchronization

/// The real file system.
public struct POSIXFileSystem: FileSystem {
    public init() {}

    public func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        let flags: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR | O_CREAT
            case .replace: O_RDWR | O_CREAT | O_TRUNC
            }
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(.open, path: path, errno: errno) }
        return POSIXFile(path: path, descriptor: descriptor)
    }

    public func list(_ directory: String) throws(FileError) -> [String] {
        guard let stream = opendir(directory) else { throw FileError(.list, path: directory, errno: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw FileError(.list, path: directory, errno: errno) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    public func createDirectory(_ path: String) throws(FileError) {
        var partial = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            let parent = partial.isEmpty ? "." : partial
            partial += component
            if mkdir(partial, 0o700) == 0 {
                try syncDirectory(parent)
            } else if errno != EEXIST {
                throw FileError(.createDirectory, path: partial, errno: errno)
            }
            partial += "/"
        }
    }

    public func rename(_ source: String, to target: String) throws(FileError) {
        guard Glibc.rename(source, target) == 0 else { throw FileError(.rename, path: source, errno: errno) }
    }

    public func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 else { throw FileError(.remove, path: path, errno: errno) }
    }

    public func syncDirectory(_ path: String) throws(FileError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(.syncDirectory, path: path, errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError(.syncDirectory, path: path, errno: errno) }
    }

    public func exists(_ path: String) throws(FileError) -> Bool {
        if access(path, F_OK) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw FileError(.open, path: path, errno: errno) }
        return false
    }

    static func message(for number: Int32) -> String { String(cString: strerror(number)) }
}

/// A file of the kernel's. Immutable but for the kernel's own state: pread and pwrite carry their offset.
final class POSIXFile: File {
    let path: String
    private let descriptor: Int32
    private let isLocked = Atomic(false)

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    /// The lock is given up by name: closing alone leaves it to a child that was forked and has not begun its program.
    /// Should giving it up fail, closing is all that is left.
    deinit {
        if isLocked.load(ordering: .relaxed) { _ = nrx_unlock(descriptor) }
        close(descriptor)
    }

    func size() throws(FileError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(.read, path: path, errno: errno) }
        return Int(status.st_size)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw FileError(.read, path: path, errno: errno) }
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        while true {
            let count = pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw FileError(.write, path: path, errno: errno) }
        }
    }

    func sync() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw FileError(.sync, path: path, errno: errno) }
    }

    func truncate(to size: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw FileError(.truncate, path: path, errno: errno) }
    }

    func lock() throws(FileError) -> Bool {
        let result = nrx_lock_exclusive(descriptor)
        if result == EAGAIN || result == EACCES { return false }
        guard result == 0 else { throw FileError(.lock, path: path, errno: result) }
        isLocked.store(true, ordering: .relaxed)
        return true
    }
}
