import CLinux
import Glibc
import Synchronization

/// The text of an error number, such as "No space left on device".
func systemErrorText(_ number: Int32) -> String {
    // glibc keeps strerror's text per thread; it is copied before anything else can change it.
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}

/// A file descriptor with one owner: closed when the last reference goes, or explicitly and then exactly once.
final class Descriptor: Sendable {
    let number: Int32
    private let isOpen = Atomic(true)

    init(_ number: Int32) { self.number = number }

    deinit { close() }

    /// Closes; later calls do nothing.
    func close() {
        if isOpen.exchange(false, ordering: .sequentiallyConsistent) { _ = Glibc.close(number) }
    }

    /// Gives the descriptor away: this object no longer closes it.
    func release() -> Int32 {
        _ = isOpen.exchange(false, ordering: .sequentiallyConsistent)
        return number
    }

    /// Opens a path, closed on exec.
    static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0, at directory: Int32 = AT_FDCWD)
        throws(SandboxError) -> Descriptor
    {
        let number = nrx_open(directory, path, flags, mode)
        guard number >= 0 else { throw .system("cannot open \(path)", errno) }
        return Descriptor(number)
    }

    /// A fresh description of the same file, so that reading starts at its beginning.
    func reopened() throws(SandboxError) -> Descriptor { try .open("/proc/self/fd/\(number)", O_RDONLY) }

    /// An anonymous file with `bytes` in it.
    static func memory(_ name: String, _ bytes: [UInt8]) throws(SandboxError) -> Descriptor {
        let number = nrx_memory_file(name, bytes, bytes.count)
        guard number >= 0 else { throw .system("cannot make a memory file", errno) }
        return Descriptor(number)
    }

    /// A pipe: (read end, which does not block; write end).
    static func pipe() throws(SandboxError) -> (read: Descriptor, write: Descriptor) {
        var pair: [Int32] = [-1, -1]
        let failure = nrx_pipe(&pair)
        guard failure == 0 else { throw .system("cannot make a pipe", failure) }
        return (Descriptor(pair[0]), Descriptor(pair[1]))
    }

    /// Two connected SOCK_SEQPACKET sockets.
    static func socketPair() throws(SandboxError) -> (Descriptor, Descriptor) {
        var pair: [Int32] = [-1, -1]
        let failure = nrx_socket_pair(&pair)
        guard failure == 0 else { throw .system("cannot make a socket pair", failure) }
        return (Descriptor(pair[0]), Descriptor(pair[1]))
    }
}

extension SandboxError {
    static func system(_ message: String, _ number: Int32, place: String = #function) -> SandboxError {
        SandboxError(.system, message, systemError: number, place: place)
    }
}

/// Small files of the kernel (/proc, /sys/fs/cgroup): whole, at once.
enum KernelFile {
    /// The file's text, or nil when it cannot be read.
    static func read(_ path: String, limit: Int = 1 << 20) -> String? {
        let number = nrx_open(AT_FDCWD, path, O_RDONLY, 0)
        guard number >= 0 else { return nil }
        defer { close(number) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < limit {
            let count = Glibc.read(number, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A file that holds one number, such as memory.peak; nil when absent or not a number.
    static func number(_ path: String) -> Int64? {
        guard let text = read(path) else { return nil }
        return Int64(text.filter { !$0.isWhitespace })
    }

    /// The value of `key` in a file of `key value` lines, such as cgroup.events.
    static func value(_ key: String, in path: String) -> Int64? {
        guard let text = read(path) else { return nil }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2, parts[0] == key { return Int64(parts[1]) }
        }
        return nil
    }

    /// Writes in one call, as these files want it. 0, or the errno.
    static func write(_ text: String, to path: String) -> Int32 {
        let number = nrx_open(AT_FDCWD, path, O_WRONLY, 0)
        guard number >= 0 else { return errno }
        defer { close(number) }
        let bytes = Array(text.utf8)
        return Glibc.write(number, bytes, bytes.count) == bytes.count ? 0 : errno
    }
}

/// Monotonic time for deadlines, in microseconds.
func monotonicMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
}
