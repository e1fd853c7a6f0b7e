import Glibc

@testable import EventStore

/// A directory `/` with one file in it, which can only be read.
struct OneFile: FileSystem {
    /// `/` and the file's name.
    let path: String
    let bytes: [UInt8]

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        guard path == self.path else { throw FileError(.open, path: path, errno: ENOENT) }
        guard mode == .read else { throw FileError(.open, path: path, errno: EROFS) }
        return Content(path, bytes)
    }

    func list(_ directory: String) throws(FileError) -> [String] { [String(path.dropFirst())] }
    func exists(_ path: String) throws(FileError) -> Bool { path == self.path }
    func createDirectory(_ path: String) throws(FileError) {
        throw FileError(.createDirectory, path: path, errno: EROFS)
    }
    func rename(_ source: String, to target: String) throws(FileError) {
        throw FileError(.rename, path: source, errno: EROFS)
    }
    func remove(_ path: String) throws(FileError) { throw FileError(.remove, path: path, errno: EROFS) }
    func syncDirectory(_ path: String) throws(FileError) { throw FileError(.syncDirectory, path: path, errno: EROFS) }

    private final class Content: File {
        let path: String
        let bytes: [UInt8]

        init(_ path: String, _ bytes: [UInt8]) { (self.path, self.bytes) = (path, bytes) }

        func size() throws(FileError) -> Int { bytes.count }

        func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
            guard offset < bytes.count else { return 0 }
            let count = min(buffer.count, bytes.count - offset)
            bytes.withUnsafeBytes { source in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<(offset + count)]))
            }
            return count
        }

        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
            throw FileError(.write, path: path, errno: EROFS)
        }
        func sync() throws(FileError) { throw FileError(.sync, path: path, errno: EROFS) }
        func truncate(to size: Int) throws(FileError) { throw FileError(.truncate, path: path, errno: EROFS) }
        func lock() throws(FileError) -> Bool { false }
    }
}
