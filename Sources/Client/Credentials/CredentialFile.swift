import CanonicalJSON
import Glibc

/// The file that keeps a sign-in: JSON with `server`, `api_key` and `key_id`, readable by its owner alone (mode 0600).
public struct CredentialFile: Sendable {
    public let path: String
    private static let bytesMax = 65_536

    public init(path: String) { self.path = path }

    /// `$NRX_CREDENTIALS`, else `nrx/credentials.json` in `$XDG_CONFIG_HOME` or `~/.config` (XDG Base Directory).
    public init(environment: [String: String]) throws(ClientError) {
        if let path = environment["NRX_CREDENTIALS"], !path.isEmpty {
            self.init(path: path)
        } else if let base = environment["XDG_CONFIG_HOME"], base.hasPrefix("/") {
            self.init(path: base + "/nrx/credentials.json")
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            self.init(path: home + "/.config/nrx/credentials.json")
        } else {
            throw ClientError(
                .credentials, "There is no home directory to keep a key in. Set NRX_CREDENTIALS to a file.")
        }
    }

    /// The sign-in that is kept; nil when there is none.
    ///
    /// - Throws: ``ClientError/Code/credentials`` when others could read the file, or it is not what ``save(_:)`` wrote.
    public func load(allowsInsecure: Bool = false) throws(ClientError) -> Credentials? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("cannot be opened", errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot be looked at", errno) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw ClientError(
                .credentials,
                "\(path) can be read by others or is not yours. Run `chmod 600` on it, and rotate the key "
                    + "that it holds if somebody may have seen it.")
        }
        let document: JSONValue
        do { document = try JSONReader.read(try read(descriptor)) } catch let error as ClientError { throw error } catch
        {
            throw unreadable
        }
        guard let server = document["server"]?.string, let key = document["api_key"]?.string else { throw unreadable }
        return Credentials(
            server: try ServerAddress(server, allowsInsecure: allowsInsecure), apiKey: key,
            keyID: document["key_id"]?.string)
    }

    /// Keeps a sign-in: written whole beside the old one, then put in its place.
    public func save(_ credentials: Credentials) throws(ClientError) {
        guard let key = credentials.apiKey else { return }
        try makeDirectory()
        let document: JSONValue = [
            "server": .string(credentials.server.text), "api_key": .string(key),
            "key_id": credentials.keyID.map { .string($0) } ?? .null,
        ]
        let draft = "\(path).\(getpid())"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("cannot be written", errno) }
        let bytes = document.canonicalBytes + Array("\n".utf8)
        let isWritten = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == bytes.count
        let isKept = isWritten && fsync(descriptor) == 0
        close(descriptor)
        guard isKept, rename(draft, path) == 0 else {
            let error = errno
            unlink(draft)
            throw failure("cannot be written", error)
        }
    }

    /// Forgets the sign-in. Returns whether there was one.
    public func remove() throws(ClientError) -> Bool {
        if unlink(path) == 0 { return true }
        guard errno == ENOENT || errno == ENOTDIR else { throw failure("cannot be removed", errno) }
        return false
    }

    /// The directories above the file, for their owner alone where they are made.
    private func makeDirectory() throws(ClientError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true).dropLast()
        var directory = path.hasPrefix("/") ? "" : "."
        for part in parts {
            directory += "/" + part
            guard mkdir(directory, 0o700) == 0 || errno == EEXIST else { throw failure("cannot be written", errno) }
        }
    }

    private func read(_ descriptor: Int32) throws(ClientError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.bytesMax)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw failure("cannot be read", errno) }
        return Array(bytes[..<count])
    }

    private var unreadable: ClientError {
        ClientError(.credentials, "\(path) is not a file of this program. Remove it and run `nrx login`.")
    }

    private func failure(_ what: String, _ error: Int32) -> ClientError {
        ClientError(.credentials, "\(path) \(what): \(String(cString: strerror(error))).")
    }
}
