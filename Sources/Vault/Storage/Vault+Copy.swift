public import EventStore
import GRDB
import Glibc
import Merkle

extension Vault {
    /// Copies the vault into another directory, where ``open(directory:masterKeyFile:origin:)`` opens it: while it is in
    /// use, compact, and without what was erased. Calls to the vault wait meanwhile: about a second for a million customers.
    ///
    /// The copy is for a copy of the log, which is made between ``highestSignedHead()`` and this call: so the copy holds the
    /// keys of every customer in that log, and no head that the log does not reach.
    ///
    /// - Parameters:
    ///   - directory: made with mode 0700; must hold no vault.
    ///   - head: the highest signed head before the log was copied; nil for none.
    ///   - masterKeyFile: the master key's file to be copied too; nil when it is kept elsewhere.
    /// - Returns: length of what was written, in bytes.
    /// - Throws: ``VaultError/Code/io``, ``VaultError/Code/invalidInput`` when a vault is there already.
    public func copy(
        to directory: String, head: TreeHead?, masterKeyFile: String?
    ) async throws(VaultError) -> Int64 {
        let path = directory + "/" + VaultDatabase.fileName
        guard !Self.exists(in: directory) else {
            throw VaultError(.invalidInput, "a vault is there already. Name another directory.", file: directory)
        }
        try await thread.run(
            afterwards: { database throws(VaultError) in try Self.write(database, to: path, in: directory) },
            { _ in }, finish: { _ throws(VaultError) in })
        return try await SerialWorker(name: "nrx.vault.copy").run { [self] () throws(VaultError) in
            try lower(path, to: head)
            if let masterKeyFile {
                guard let key = try MasterKeyFile.read(masterKeyFile) else {
                    throw VaultError(.masterKeyMissing, "the master key's file is gone.", file: masterKeyFile)
                }
                try MasterKeyFile.store(key, at: directory + "/" + Self.masterKeyName)
            }
            return try Self.length(of: path)
        }
    }

    /// Erases customers in a copy that no server uses, as ``erase(_:)`` does in the vault. Blocking.
    ///
    /// - Parameter known: the customers who were not erased.
    /// - Returns: how many were erased.
    /// - Throws: ``VaultError/Code/locked`` when a server uses it.
    public static func erase(
        inCopy directory: String, allBut known: (String) -> Bool
    ) throws(VaultError) -> Int {
        let path = directory + "/" + VaultDatabase.fileName
        let database = try VaultDatabase.open(path)
        do {
            let erased = try database.write { db in
                let customers = try VaultDatabase.customers(db)
                let stored = try customers.customers(otherThan: known)
                for customerID in stored {
                    try MemberRow.deleteAll(db, customerID: customerID)
                    try customers.delete(customerID)
                }
                return stored.count
            }
            _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            try database.close()
            return erased
        } catch { throw VaultError(database: error, file: path) }
    }

    private static func write(
        _ database: DatabaseQueue, to path: String, in directory: String
    ) throws(VaultError) {
        try PrivateFiles.prepareDirectory(directory)
        // Empty and private before SQLite fills it, which would make it readable to others.
        try PrivateFiles.prepareFile(path)
        do {
            try database.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [path]) }
        } catch { throw VaultError(database: error, file: path) }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PrivateFiles.failure("opened", path) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw PrivateFiles.failure("synced", path) }
        try PrivateFiles.syncDirectory(of: path)
    }

    /// Makes the copy know of no head beyond `head`.
    private func lower(_ path: String, to head: TreeHead?) throws(VaultError) {
        let database = try VaultDatabase.open(path)
        let lowered = SignedHead(size: head?.size ?? 0, root: head?.root ?? TreeHasher.emptyRoot, origin: origin)
        do {
            try database.write { [masterKey] db in try lowered.update(db, masterKey) }
            _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            try database.close()
        } catch { throw VaultError(database: error, file: path) }
    }

    private static func length(of path: String) throws(VaultError) -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw PrivateFiles.failure("looked at", path) }
        return Int64(status.st_size)
    }
}
