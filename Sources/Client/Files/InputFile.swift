import Glibc
import NIOCore
import NIOPosix

/// A file that is sent, or standard input, read on threads that may block.
struct InputFile: Sendable {
    /// In bytes; nil when only reading tells.
    let size: Int64?
    let pieces: Pieces

    /// - Parameter path: nil is standard input.
    static func open(_ path: String?) async throws(ClientError) -> InputFile {
        guard let path else { return InputFile(size: nil, pieces: Pieces(Held(0, isOwned: false))) }
        return try await BlockingCalls.run { () throws(ClientError) in
            let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw .file(path, "cannot be opened", errno) }
            let held = Held(descriptor, isOwned: true)
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw .file(path, "cannot be looked at", errno) }
            guard status.st_mode & S_IFMT != S_IFDIR else {
                throw ClientError(.file, "\(path) is a directory. Name a file.")
            }
            let isRegular = status.st_mode & S_IFMT == S_IFREG
            return InputFile(size: isRegular ? Int64(status.st_size) : nil, pieces: Pieces(held))
        }
    }

    /// A descriptor, closed with the last who holds it.
    final class Held: Sendable {
        let descriptor: Int32
        private let isOwned: Bool

        init(_ descriptor: Int32, isOwned: Bool) {
            self.descriptor = descriptor
            self.isOwned = isOwned
        }

        deinit { if isOwned { close(descriptor) } }
    }

    /// The bytes in pieces, read as they are asked for. Read once.
    struct Pieces: AsyncSequence, Sendable {
        private static let bytes = 256 * 1024
        private let held: Held

        init(_ held: Held) { self.held = held }

        struct AsyncIterator: AsyncIteratorProtocol {
            let held: Held

            func next() async throws -> ByteBuffer? {
                try await BlockingCalls.run { [held] () throws(ClientError) in
                    var bytes = [UInt8](repeating: 0, count: Pieces.bytes)
                    while true {
                        let count = read(held.descriptor, &bytes, bytes.count)
                        if count < 0, errno == EINTR { continue }
                        guard count >= 0 else { throw .file("The input", "cannot be read", errno) }
                        return count == 0 ? nil : ByteBuffer(bytes: bytes[..<count])
                    }
                }
            }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(held: held) }
    }
}

/// Calls that may block, on NIO's threads for them and never on the cooperative pool.
enum BlockingCalls {
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(ClientError) -> Value
    ) async throws(ClientError) -> Value {
        let result: Result<Value, ClientError>
        do {
            result = try await NIOThreadPool.singleton.runIfActive { Result { () throws(ClientError) in try body() } }
        } catch { throw ClientError(.file, "The program is stopping.") }
        return try result.get()
    }
}

extension ClientError {
    static func file(_ path: String, _ what: String, _ error: Int32) -> ClientError {
        ClientError(.file, "\(path) \(what): \(String(cString: strerror(error))).")
    }
}

/// Text that is sent as a part of a request.
public enum InputText {
    /// What the server takes of one at most, in bytes.
    public static let bytesMax = 16 << 20

    /// The whole of a UTF-8 file, or of standard input.
    public static func read(_ path: String?) async throws(ClientError) -> String {
        let file = try await InputFile.open(path)
        var bytes: [UInt8] = []
        do {
            for try await piece in file.pieces {
                bytes += piece.readableBytesView
                guard bytes.count <= bytesMax else {
                    throw ClientError(
                        .usage,
                        "\(path ?? "Standard input") has more than \(bytesMax) bytes. Send it with "
                            + "`nrx files put`.")
                }
            }
        } catch { throw error as? ClientError ?? ClientError(.file, "\(error)") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ClientError(
                .usage, "\(path ?? "Standard input") is not UTF-8 text. Send it with `nrx files put`.")
        }
        return text
    }
}
