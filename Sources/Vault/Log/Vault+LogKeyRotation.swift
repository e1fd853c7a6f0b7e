public import EventStore
import Foundation
import GRDB
import Synchronization

/// Rotation of the log's key, in steps that a crash may separate: the next key is kept first, then the log goes over to
/// it, then it becomes the vault's own.
extension Vault {
    /// The key that the log is to go over to, where a rotation was begun; nil otherwise. Blocking.
    ///
    /// - Throws: ``VaultError/Code/damaged`` when it was altered.
    public func nextLogKey() throws(VaultError) -> (any CheckpointSigner)? {
        let (masterKey, origin) = (masterKey, origin)
        return try thread.runBlocking { db in
            guard let wrapped = try Self.wrappedNextKey(db) else { return nil }
            return try Self.unwrap(wrapped, masterKey, origin: origin)
        }
    }

    /// The key that the log is to go over to: the one that is kept, or a fresh one. Durable when this returns. Blocking.
    public func prepareNextLogKey() throws(VaultError) -> any CheckpointSigner {
        let (masterKey, origin) = (masterKey, origin)
        return try thread.runBlocking { db in
            if let wrapped = try Self.wrappedNextKey(db) {
                return try Self.unwrap(wrapped, masterKey, origin: origin)
            }
            let wrapped = try masterKey.makeWrappedKey(VaultOpener.signingBinding(origin))
            try db.cachedStatement(sql: "INSERT INTO next_log_key (id, wrapped_signing_seed) VALUES (1, ?)")
                .execute(arguments: [Data(wrapped)])
            return try Self.unwrap(wrapped, masterKey, origin: origin)
        }
    }

    /// Makes the kept next key the log's; the old one is erased. Blocking: one sync.
    public func adoptNextLogKey() throws(VaultError) {
        let (masterKey, origin) = (masterKey, origin)
        let key: LogSigningKey? = try thread.runBlocking { db in
            guard let wrapped = try Self.wrappedNextKey(db) else { return nil }
            let key = try Self.unwrap(wrapped, masterKey, origin: origin)
            try db.cachedStatement(sql: "UPDATE identity SET wrapped_log_signing_seed = ? WHERE id = 1")
                .execute(arguments: [Data(wrapped)])
            try db.cachedStatement(sql: "DELETE FROM next_log_key").execute()
            return key
        }
        if let key { logKey.withLock { $0 = key } }
    }

    private static func wrappedNextKey(_ db: Database) throws -> [UInt8]? {
        try Row.fetchOne(try db.cachedStatement(sql: "SELECT wrapped_signing_seed FROM next_log_key WHERE id = 1"))
            .map { $0.bytes("wrapped_signing_seed") }
    }

    private static func unwrap(
        _ wrapped: [UInt8], _ masterKey: MasterKey, origin: String
    ) throws(VaultError) -> LogSigningKey {
        guard let seed = try masterKey.unwrap(wrapped, VaultOpener.signingBinding(origin)) else {
            throw VaultError(
                .damaged, "the next key of the log was altered. Restore the vault from a backup.")
        }
        return try LogSigningKey(seed: seed, origin: origin)
    }
}
