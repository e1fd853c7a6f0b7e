import CLinux
import Glibc
import Synchronization

/// An open file of a session's workspace. Reads and writes go on from where the last ended.
///
/// ```swift
/// let file = try await environment.readFile("report.csv")
/// while let bytes = try await file.read() { try await body.write(bytes) }
/// file.close()
/// ```
public final class SessionFile: Sendable, Facility {
    private struct State {
        /// nil once closed. Owned by the lock, held during each call, so that no closed number is ever used.
        var descriptor: Descriptor?
        var offset: Int64 = 0
    }

    private let state: Mutex<State>
    private let threads: WorkerThreads
    private let bytesMax: Int64
    /// Size in bytes when it was opened.
    public let size: Int64

    init(_ descriptor: Descriptor, threads: WorkerThreads, bytesMax: Int64) throws(SandboxError) {
        var status = nrx_file_status()
        let failure = nrx_file_status(descriptor.number, "", &status)
        guard failure == 0 else { throw .system("the file cannot be looked at", failure) }
        size = Int64(status.size)
        state = Mutex(State(descriptor: descriptor))
        self.threads = threads
        self.bytesMax = bytesMax
    }

    /// The next bytes, at most `count`; nil at the end.
    public func read(_ count: Int = 256 * 1024) async throws(SandboxError) -> [UInt8]? {
        try await threads.run { [self] () throws(SandboxError) in
            try access { (descriptor, offset) throws(SandboxError) in
                var bytes = [UInt8](repeating: 0, count: max(count, 1))
                let got = pread(descriptor, &bytes, bytes.count, off_t(offset))
                guard got >= 0 else { throw .system("the file cannot be read", errno) }
                offset += Int64(got)
                return got == 0 ? nil : Array(bytes[..<got])
            }
        }
    }

    /// Appends to what was written. Throws `full` when the workspace, or the caller's own limit, is full.
    public func write(_ bytes: [UInt8]) async throws(SandboxError) {
        try await threads.run { [self] () throws(SandboxError) in try append(bytes) }
    }

    /// The same on a thread that may block.
    func append(_ bytes: [UInt8]) throws(SandboxError) {
        try access { (descriptor, offset) throws(SandboxError) in
            guard offset + Int64(bytes.count) <= bytesMax else {
                throw SandboxError(.full, "the file may have at most \(bytesMax) bytes")
            }
            offset = try writeAll(bytes, to: descriptor, from: offset)
        }
    }

    /// Closes the file. Later reads and writes throw `gone`.
    public func close() { state.withLock { $0.descriptor = nil } }

    private func access<Value: Sendable>(
        _ body: (Int32, inout Int64) throws(SandboxError) -> Value
    ) throws(SandboxError) -> Value {
        let result: Result<Value, SandboxError> = state.withLock { state in
            guard let descriptor = state.descriptor else {
                return .failure(SandboxError(.gone, "the file is closed, or its session is gone"))
            }
            var offset = state.offset
            defer { state.offset = offset }
            return Result { () throws(SandboxError) in try body(descriptor.number, &offset) }
        }
        return try result.get()
    }
}

/// Writes all bytes at `offset` of a file in a workspace; returns the offset behind them.
func writeAll(_ bytes: [UInt8], to descriptor: Int32, from start: Int64) throws(SandboxError) -> Int64 {
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
            // In bounds: written is below the count.
            pwrite(
                descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written,
                off_t(start) + off_t(written))
        }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else {
            throw errno == ENOSPC
                ? SandboxError(.full, "the workspace is full", systemError: ENOSPC)
                : .system("the file cannot be written", errno)
        }
        written += count
    }
    return start + Int64(written)
}
