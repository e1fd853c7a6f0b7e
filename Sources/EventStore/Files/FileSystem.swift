import Glibc

/// Everything the log asks of a file system, so that tests can put faults between the two.
///
/// Paths are absolute or relative to the working directory. Nothing here retries, buffers or syncs by itself.
public protocol FileSystem: Sendable {
    /// Opens a file.
    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File
    /// The names in a directory, without `.` and `..`, in any order.
    func list(_ directory: String) throws(FileError) -> [String]
    /// Makes a directory and those above it; one that exists is fine. The names of new ones are durable on return.
    func createDirectory(_ path: String) throws(FileError)
    /// Renames a file, replacing what is at `target`.
    func rename(_ source: String, to target: String) throws(FileError)
    /// Removes a file.
    func remove(_ path: String) throws(FileError)
    /// Makes the names in a directory durable (fsync of the directory).
    func syncDirectory(_ path: String) throws(FileError)
    /// Whether a file or directory of that name exists.
    func exists(_ path: String) throws(FileError) -> Bool
}

/// How a file is opened.
public enum FileOpenMode: Sendable {
    case read
    /// For reading and writing; created when absent, its content kept when present.
    case readWrite
    /// For reading and writing; emptied when present.
    case replace
}

/// One open file. Offsets and lengths are in bytes. Closed when the last reference goes.
public protocol File: AnyObject, Sendable {
    /// The path it was opened under, for messages.
    var path: String { get }
    /// Its length now.
    func size() throws(FileError) -> Int
    /// Reads at `offset`; returns how many bytes came, 0 at the end. May come short.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int
    /// Writes at `offset`; returns how many bytes went. May go short.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int
    /// Makes the content and the length durable (fdatasync).
    func sync() throws(FileError)
    /// Cuts or extends with zeros.
    func truncate(to size: Int) throws(FileError)
    /// Takes the one exclusive lock for as long as the file is open; false when another process holds it.
    func lock() throws(FileError) -> Bool
}

extension File {
    /// Reads until `buffer` is full or the file ends; returns how many bytes came.
    public func readFully(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]), at: offset + done)
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes all of `bytes`, however many calls that takes.
    public func writeFully(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let count = try write(UnsafeRawBufferPointer(rebasing: bytes[done...]), at: offset + done)
            guard count > 0 else { throw FileError(.write, path: path, errno: 0) }
            done += count
        }
    }

    /// Writes all of `bytes`, however many calls that takes.
    public func writeFully(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        let result: Result<Void, FileError> = bytes.withUnsafeBytes { buffer in
            Result { () throws(FileError) in try writeFully(buffer, at: offset) }
        }
        try result.get()
    }

    /// Takes the lock, and waits up to half a second for one that is about to go: a process that was just killed, or a
    /// child of it between its fork and its exec, can hold it a moment longer. Blocking: for threads of one's own only.
    func lockPatiently() throws(FileError) -> Bool {
        for _ in 0..<10 {
            if try lock() { return true }
            usleep(50_000)
        }
        return false
    }

    /// The whole content.
    public func contents() throws(FileError) -> [UInt8] {
        let length = try size()
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            do throws(FileError) {
                count = try readFully(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// A file operation that failed.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was attempted.
    public enum Operation: String, Sendable {
        case open, read, write, sync, truncate, rename, remove, list, lock
        case createDirectory = "create directory"
        case syncDirectory = "sync directory"
    }

    public let operation: Operation
    public let path: String
    /// The kernel's error number; 0 when it gave none (a write that made no progress).
    public let errno: Int32

    public init(_ operation: Operation, path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    public var description: String {
        "cannot \(operation.rawValue) \(path): " + (errno == 0 ? "no progress" : POSIXFileSystem.message(for: errno))
    }
}
