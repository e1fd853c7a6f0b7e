import Glibc
import NIOCore

/// Where bytes go on this machine: standard output, standard error, or a file that appears when it is whole.
public struct OutputFile: Sendable {
    private let descriptor: InputFile.Held
    private let name: String
    /// Where the bytes lie until they are whole, and where they go then.
    private let draft: (path: String, final: String)?

    public static let standardOutput = OutputFile(1, "Standard output")
    public static let standardError = OutputFile(2, "Standard error")

    private init(_ descriptor: Int32, _ name: String) {
        self.descriptor = InputFile.Held(descriptor, isOwned: false)
        self.name = name
        draft = nil
    }

    private init(_ descriptor: InputFile.Held, draft: String, final: String) {
        self.descriptor = descriptor
        name = final
        self.draft = (draft, final)
    }

    /// A file that is not there until ``finish()``; one that is there is replaced only if that is wanted.
    public static func create(_ path: String, replacing: Bool) async throws(ClientError) -> OutputFile {
        try await BlockingCalls.run { () throws(ClientError) in
            guard replacing || access(path, F_OK) != 0 else {
                throw ClientError(.file, "\(path) is there already. Give another name, or --force to replace it.")
            }
            let draft = "\(path).part-\(getpid())"
            let descriptor = Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw .file(draft, "cannot be written", errno) }
            return OutputFile(InputFile.Held(descriptor, isOwned: true), draft: draft, final: path)
        }
    }

    public func write(_ bytes: [UInt8]) async throws(ClientError) {
        try await BlockingCalls.run { () throws(ClientError) in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor.descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw .file(name, "cannot be written", errno) }
                rest = rest.dropFirst(count)
            }
        }
    }

    public func write(_ text: String) async throws(ClientError) { try await write(Array(text.utf8)) }

    /// Puts a file in its place.
    func finish() async throws(ClientError) {
        guard let draft else { return }
        try await BlockingCalls.run { () throws(ClientError) in
            guard rename(draft.path, draft.final) == 0 else { throw .file(draft.final, "cannot be written", errno) }
        }
    }

    /// Leaves nothing of a file that did not become whole.
    func abandon() { if let draft { unlink(draft.path) } }
}
