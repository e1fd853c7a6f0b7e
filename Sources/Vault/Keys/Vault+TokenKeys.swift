import Foundation
import GRDB

/// A key that signs access and refresh tokens: an Ed25519 seed with a name.
public struct TokenKey: Sendable {
    /// The tokens' `kid`.
    public let id: String
    /// Seconds since 1970.
    public let createdAtSeconds: Int64
    private let seed: SecretKey

    init(id: String, createdAtSeconds: Int64, seed: SecretKey) {
        self.id = id
        self.createdAtSeconds = createdAtSeconds
        self.seed = seed
    }

    /// Lends the 32 bytes of the seed.
    public func withSeed<R>(_ body: (UnsafePointer<UInt8>) -> R) -> R { seed.withBytes(body) }
}

extension Vault {
    /// All keys of tokens, oldest first.
    ///
    /// - Throws: ``VaultError/Code/damaged`` when a row was altered.
    public func tokenKeys() async throws(VaultError) -> [TokenKey] {
        try await thread.run { db in
            try TokenKeyRow.fetchAll(db)
        } finish: { [masterKey] rows throws(VaultError) in
            var keys: [TokenKey] = []
            for row in rows { keys.append(try row.unwrapped(by: masterKey)) }
            return keys
        }
    }

    /// Makes another key of tokens; durable when this returns.
    ///
    /// - Parameter id: the tokens' `kid`; not one that is there.
    public func addTokenKey(id: String, createdAtSeconds: Int64) async throws(VaultError) -> TokenKey {
        let row = TokenKeyRow(
            id: id, createdAtSeconds: createdAtSeconds,
            wrappedSeed: try masterKey.makeWrappedKey(TokenKeyRow.binding(id, createdAtSeconds)))
        return try await thread.run { db in
            try row.insert(db)
        } finish: { [masterKey] () throws(VaultError) in
            try row.unwrapped(by: masterKey)
        }
    }

    /// Deletes keys of tokens: what they signed is worth nothing any more.
    public func removeTokenKeys(_ ids: [String]) async throws(VaultError) {
        try await thread.run { db in
            for id in ids {
                try db.cachedStatement(sql: "DELETE FROM token_keys WHERE id = ?").execute(arguments: [id])
            }
        } finish: { () throws(VaultError) in
        }
    }
}

/// A row of `token_keys`.
private struct TokenKeyRow: Sendable {
    let id: String
    let createdAtSeconds: Int64
    let wrappedSeed: [UInt8]

    static func binding(_ id: String, _ createdAtSeconds: Int64) -> Binding {
        Binding(.tokenKey, Array(id.utf8), Array(String(createdAtSeconds).utf8))
    }

    static func fetchAll(_ db: Database) throws -> [TokenKeyRow] {
        try Row.fetchAll(db, sql: "SELECT id, created_at, wrapped_seed FROM token_keys ORDER BY created_at, id").map {
            TokenKeyRow(id: $0["id"], createdAtSeconds: $0["created_at"], wrappedSeed: $0.bytes("wrapped_seed"))
        }
    }

    func insert(_ db: Database) throws {
        try db.cachedStatement(sql: "INSERT INTO token_keys (id, created_at, wrapped_seed) VALUES (?, ?, ?)")
            .execute(arguments: [id, createdAtSeconds, Data(wrappedSeed)])
    }

    func unwrapped(by masterKey: MasterKey) throws(VaultError) -> TokenKey {
        guard let seed = try masterKey.unwrap(wrappedSeed, Self.binding(id, createdAtSeconds)) else {
            throw VaultError(
                .damaged, "the vault's key \(id) of tokens was altered. Restore the vault from a backup.")
        }
        return TokenKey(id: id, createdAtSeconds: createdAtSeconds, seed: seed)
    }
}
