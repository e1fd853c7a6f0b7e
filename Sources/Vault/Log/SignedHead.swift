import Foundation
import GRDB
import Merkle

/// The row of `signed_head`: a tree head, and a tag under the master key so that it cannot be altered unnoticed.
struct SignedHead: Equatable {
    let size: UInt64
    let root: Hash
    let origin: String

    private var binding: Binding {
        let sizeBytes = (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
        return Binding(.signedHead, Array(origin.utf8), sizeBytes, root.bytes)
    }

    static func fetch(_ db: Database, _ masterKey: MasterKey, origin: String) throws -> SignedHead {
        let statement = try db.cachedStatement(sql: "SELECT size, root, tag FROM signed_head WHERE id = 1")
        guard let row = try Row.fetchOne(statement), let size = UInt64(exactly: row["size"] as Int64),
            let root = Hash(bytes: row.bytes("root"))
        else { throw altered }
        let head = SignedHead(size: size, root: root, origin: origin)
        guard masterKey.isAuthentic(row.bytes("tag"), head.binding) else { throw altered }
        return head
    }

    func insert(_ db: Database, _ masterKey: MasterKey) throws {
        try write(db, masterKey, sql: "INSERT INTO signed_head (size, root, tag, id) VALUES (?, ?, ?, 1)")
    }

    func update(_ db: Database, _ masterKey: MasterKey) throws {
        try write(db, masterKey, sql: "UPDATE signed_head SET size = ?, root = ?, tag = ? WHERE id = 1")
    }

    private func write(_ db: Database, _ masterKey: MasterKey, sql: String) throws {
        guard let size = Int64(exactly: size) else {
            throw VaultError(.invalidInput, "a tree of \(size) events is larger than any log can be.")
        }
        try db.cachedStatement(sql: sql).execute(
            arguments: [size, Data(root.bytes), Data(masterKey.authenticate(binding))])
    }

    private static var altered: VaultError {
        VaultError(
            .damaged,
            "the record of the highest signed head was altered. Restore the vault from a backup, then audit the log with"
                + " `nrx-replay audit`.")
    }
}
