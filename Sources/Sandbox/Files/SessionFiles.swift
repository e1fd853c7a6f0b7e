import CLinux
import Glibc

/// Something in a session's workspace, as a listing shows it.
public struct FileEntry: Sendable, Equatable {
    public enum Kind: String, Sendable { case file, directory, link, other }
    /// Not valid UTF-8 is shown with replacement characters; such a file cannot be named by a request.
    public var name: String
    public var kind: Kind
    /// In bytes; 0 for what is no file.
    public var size: Int64
    /// Microseconds since 1970.
    public var modifiedMicroseconds: Int64
}

extension SessionEnvironment {
    /// Longest path, in bytes, and most entries that a listing shows.
    static let pathBytesMax = 4_096
    static let entriesMax = 10_000

    /// The entries of a directory of the workspace, sorted by name.
    ///
    /// - Parameter path: relative to the workspace; empty is the workspace itself.
    /// - Throws: `notFound`, `refused` for a path that leaves the workspace or passes a link.
    public func files(in path: String = "") async throws(SandboxError) -> [FileEntry] {
        let path = try Self.normalized(path, allowsEmpty: true)
        return try await host.threads.run { () throws(SandboxError) in
            try self.refuseWhenDestroying()
            let directory = try self.open(path.isEmpty ? "." : path, flags: NRX_OPEN_DIRECTORY.rawValue)
            return try Self.list(directory.number)
        }
    }

    private static func list(_ directory: Int32) throws(SandboxError) -> [FileEntry] {
        guard let names = DirectoryListing.names(of: directory) else {
            throw .system("the directory cannot be listed", errno)
        }
        var entries: [FileEntry] = []
        for name in names.prefix(entriesMax) {
            var status = nrx_file_status()
            // A file that went away meanwhile is not listed.
            guard nrx_file_status(directory, name, &status) == 0 else { continue }
            let kind: FileEntry.Kind =
                switch status.mode & S_IFMT {
                case S_IFREG: .file
                case S_IFDIR: .directory
                case S_IFLNK: .link
                default: .other
                }
            entries.append(
                FileEntry(
                    name: DirectoryListing.text(name), kind: kind, size: kind == .file ? Int64(status.size) : 0,
                    modifiedMicroseconds: status.modified_microseconds))
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// Opens a file for reading. The session goes on while it is read; its destruction closes it.
    public func readFile(_ path: String) async throws(SandboxError) -> SessionFile {
        let path = try Self.normalized(path)
        return try await host.threads.run { () throws(SandboxError) in
            try self.refuseWhenDestroying()
            return try self.register(
                SessionFile(
                    try self.open(path, flags: NRX_OPEN_READ.rawValue), threads: self.host.threads, bytesMax: .max))
        }
    }

    /// Opens a file for writing: made with its parent directories when it is not there, emptied when it is.
    ///
    /// - Parameter bytesMax: more than this is refused with `full`.
    public func writeFile(_ path: String, bytesMax: Int64) async throws(SandboxError) -> SessionFile {
        let path = try Self.normalized(path)
        let flags =
            NRX_OPEN_WRITE.rawValue | NRX_OPEN_CREATE.rawValue | NRX_OPEN_TRUNCATE.rawValue
            | NRX_OPEN_PARENTS.rawValue
        return try await host.threads.run { () throws(SandboxError) in
            try self.refuseWhenDestroying()
            return try self.register(
                SessionFile(
                    try self.open(path, flags: flags, mode: 0o644), threads: self.host.threads, bytesMax: bytesMax))
        }
    }

    /// Removes a file or an empty directory.
    public func removeFile(_ path: String) async throws(SandboxError) {
        let path = try Self.normalized(path)
        try await host.threads.run { () throws(SandboxError) in
            try self.refuseWhenDestroying()
            var header = nrx_request()
            header.type = NRX_REQUEST_REMOVE.rawValue
            _ = try self.raw.channel.ask(header, strings: [path])
        }
    }

    /// Without empty parts and `.`; `..` is refused here already, and again by the kernel inside.
    static func normalized(_ path: String, allowsEmpty: Bool = false) throws(SandboxError) -> String {
        guard path.utf8.count <= pathBytesMax, !path.utf8.contains(0) else {
            throw SandboxError(.invalidRequest, "a path has at most \(pathBytesMax) bytes and no NUL")
        }
        let parts = path.split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else { throw SandboxError(.refused, "a path must not contain `..`") }
        guard allowsEmpty || !parts.isEmpty else { throw SandboxError(.invalidRequest, "the path names no file") }
        return parts.joined(separator: "/")
    }
}
