import Glibc
import Replay

/// The process's standard streams, unbuffered.
enum StandardStreams {
    /// Writes all of `bytes` to standard output.
    ///
    /// - Throws: ``AuditorError`` when they cannot be written.
    static func write(_ bytes: [UInt8]) throws(AuditorError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw AuditorError(.io, "standard output cannot be written: \(String(cString: strerror(errno))).")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes text to standard output; where that fails there is nobody left to tell.
    static func write(_ text: String) { try? write(Array(text.utf8)) }

    /// Writes a line to standard error.
    static func complain(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
