import CLinux
import EventStore
import Glibc
import Proofs

/// Files and directories that only the server's own user may touch.
enum PrivateFiles {
    /// Makes `path` with mode 0700, durably, unless it is there already; checks it either way.
    static func prepareDirectory(_ path: String) throws(VaultError) {
        var status = stat()
        if stat(path, &status) != 0 {
            guard errno == ENOENT else { throw failure("looked at", path) }
            do throws(FileError) { try POSIXFileSystem().createDirectory(path) } catch {
                throw VaultError(.io, "\(error). Check the disk and who owns the directory above.", file: path)
            }
            try syncDirectory(of: path)
            guard stat(path, &status) == 0 else { throw failure("looked at", path) }
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw VaultError(.io, "this is not a directory: move it away or name another one.", file: path)
        }
        try requirePrivate(status, path: path, mode: "700")
    }

    /// Makes an empty file with mode 0600 unless it is there already; checks it either way. Never opens a file that is
    /// there: closing it again would drop the locks that SQLite holds on it in this process.
    static func prepareFile(_ path: String) throws(VaultError) {
        if try requirePrivateIfPresent(path) { return }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("created", path) }
        close(descriptor)
    }

    /// Checks a file without opening it.
    ///
    /// - Returns: whether it is there.
    @discardableResult
    static func requirePrivateIfPresent(_ path: String) throws(VaultError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return false }
            throw failure("looked at", path)
        }
        try requirePrivate(status, path: path, mode: "600")
        return true
    }

    /// Checks an open file.
    static func requirePrivate(descriptor: Int32, path: String) throws(VaultError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("looked at", path) }
        try requirePrivate(status, path: path, mode: "600")
    }

    private static func requirePrivate(_ status: stat, path: String, mode: String) throws(VaultError) {
        guard status.st_mode & 0o077 == 0 else {
            throw VaultError(
                .permissions, "other users may read or change this. Run: chmod \(mode) '\(path)'", file: path)
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw VaultError(
                .permissions,
                "this belongs to user \(status.st_uid), not to the one that runs the server."
                    + " Run: chown \(geteuid()) '\(path)'", file: path)
        }
    }

    /// Makes the entry of `path` in its directory durable.
    static func syncDirectory(of path: String) throws(VaultError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let parent = parts.isEmpty ? "." : parts == [""] ? "/" : parts.joined(separator: "/")
        do throws(FileError) { try POSIXFileSystem().syncDirectory(parent) } catch {
            throw VaultError(.io, "\(error). Check the disk.", file: parent, cause: error)
        }
    }

    /// Makes a file with mode 0600, durably: writes beside, syncs, renames, syncs the directory. So it is there whole or not
    /// at all; one that exists is never replaced.
    static func store(_ text: borrowing GuardedMemory, at path: String) throws(VaultError) {
        let temporary = path + ".tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("created", temporary) }
        defer { close(descriptor) }
        let count = text.byteCount
        guard text.withBytes({ Glibc.write(descriptor, $0, count) }) == count else {
            throw failure("written", temporary)
        }
        guard fsync(descriptor) == 0 else { throw failure("synced", temporary) }
        let status = nrx_rename_new(temporary, path)
        guard status == 0 else { throw failure("renamed", path, errno: status) }
        try syncDirectory(of: path)
    }

    /// The error for a system call that just failed.
    static func failure(_ verb: String, _ path: String, errno number: Int32 = errno) -> VaultError {
        VaultError(
            .io, "this could not be \(verb): \(String(cString: strerror(number))). Check the disk and the permissions.",
            file: path)
    }
}
