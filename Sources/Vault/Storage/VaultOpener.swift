import CSodium
import Foundation
import GRDB
import Merkle

/// Opens a vault or makes a new one: permissions, lock, master key, key check, and the keys that the master key wraps.
struct VaultOpener {
    let directory: String
    let masterKeyFile: String?
    let origin: String?

    private var databasePath: String { directory + "/" + VaultDatabase.fileName }
    private var masterKeyPath: String { masterKeyFile ?? directory + "/" + Vault.masterKeyName }

    /// The row of `identity`.
    private struct Identity {
        let origin: String
        let keyCheck: [UInt8]
        let wrappedEmailIndexKey: [UInt8]
        let wrappedLogSigningSeed: [UInt8]
    }

    func open() throws(VaultError) -> Vault {
        guard sodium_init() >= 0 else {
            throw VaultError(.cryptographyUnavailable, "libsodium could not be initialised; check its installation.")
        }
        try PrivateFiles.prepareDirectory(directory)
        let database = try VaultDatabase.open(databasePath)
        do {
            let isNew = try database.read { try !VaultDatabase.holdsVault($0) }
            let masterKey = try MasterKey(try readMasterKey(isNew: isNew))
            let identity = try isNew ? create(in: database, masterKey) : load(from: database)
            let customers = try database.write { db in
                let customers = try VaultDatabase.customers(db)
                try customers.load()
                return customers
            }
            let vault = try unlock(identity, masterKey, database, customers)
            // Also makes good what a crash between an erasure and the emptying of its traces left behind.
            _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            return vault
        } catch { throw VaultError(database: error, file: databasePath) }
    }

    // MARK: - Master key

    private func readMasterKey(isNew: Bool) throws(VaultError) -> SecretKey {
        if let key = try MasterKeyFile.read(masterKeyPath) { return key }
        guard masterKeyFile == nil else {
            throw VaultError(
                .masterKeyMissing,
                "there is no such file. "
                    + (isNew
                        ? "Run: (umask 077; openssl rand -hex 32 > '\(masterKeyPath)')"
                        : "Put back the master key that this vault was made with."),
                file: masterKeyPath)
        }
        guard isNew else {
            throw VaultError(
                .masterKeyMissing,
                "the vault's master key is gone. Put it back from a backup, or say with --master-key-file where it is.",
                file: masterKeyPath)
        }
        return try MasterKeyFile.create(masterKeyPath)
    }

    // MARK: - Identity

    private func create(in database: DatabaseQueue, _ masterKey: MasterKey) throws -> Identity {
        let origin = self.origin ?? Self.randomOrigin()
        let identity = Identity(
            origin: origin, keyCheck: masterKey.authenticate(Binding(.keyCheck)),
            wrappedEmailIndexKey: try masterKey.makeWrappedKey(Self.emailIndexBinding),
            wrappedLogSigningSeed: try masterKey.makeWrappedKey(Self.signingBinding(origin)))
        // Refuses an origin that cannot name a key before anything is stored.
        _ = try signingKey(of: identity, masterKey)
        try database.write { db in
            try VaultDatabase.createTables(db)
            try db.execute(
                sql: """
                    INSERT INTO identity (id, origin, key_check, wrapped_email_index_key, wrapped_log_signing_seed)
                    VALUES (1, ?, ?, ?, ?)
                    """,
                arguments: [
                    identity.origin, Data(identity.keyCheck), Data(identity.wrappedEmailIndexKey),
                    Data(identity.wrappedLogSigningSeed),
                ])
            let none = SignedHead(size: 0, root: TreeHasher.emptyRoot, origin: origin)
            try none.insert(db, masterKey)
        }
        return identity
    }

    private func load(from database: DatabaseQueue) throws -> Identity {
        let row = try database.read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM identity WHERE id = 1")
        }
        guard let row else { throw Self.damaged("its identity is missing", databasePath) }
        let identity = Identity(
            origin: row["origin"], keyCheck: row.bytes("key_check"),
            wrappedEmailIndexKey: row.bytes("wrapped_email_index_key"),
            wrappedLogSigningSeed: row.bytes("wrapped_log_signing_seed"))
        guard origin == nil || origin == identity.origin else {
            throw VaultError(
                .foreignOrigin,
                "this vault belongs to origin \(identity.origin). Start without --origin, or with a vault and a log of"
                    + " their own for another origin.", file: databasePath)
        }
        return identity
    }

    private func unlock(
        _ identity: Identity, _ masterKey: MasterKey, _ database: DatabaseQueue, _ customers: CustomersTable
    ) throws(VaultError) -> Vault {
        guard masterKey.isAuthentic(identity.keyCheck, Binding(.keyCheck)) else {
            throw VaultError(
                .wrongMasterKey,
                "this is not the master key that the vault was made with. Put back the right file, or say with"
                    + " --master-key-file where it is.", file: masterKeyPath)
        }
        guard let emailKey = try masterKey.unwrap(identity.wrappedEmailIndexKey, Self.emailIndexBinding) else {
            throw Self.damaged("the key of its e-mail index was altered", databasePath)
        }
        return try Vault(
            database: database, customers: customers, masterKey: masterKey, emailIndex: EmailIndex(key: emailKey),
            signingKey: try signingKey(of: identity, masterKey))
    }

    private func signingKey(of identity: Identity, _ masterKey: MasterKey) throws(VaultError) -> LogSigningKey {
        let binding = Self.signingBinding(identity.origin)
        guard let seed = try masterKey.unwrap(identity.wrappedLogSigningSeed, binding) else {
            throw Self.damaged("its origin or the log's signing key was altered", databasePath)
        }
        return try LogSigningKey(seed: seed, origin: identity.origin)
    }

    private static let emailIndexBinding = Binding(.emailIndexKey)

    static func signingBinding(_ origin: String) -> Binding { Binding(.logSigningSeed, Array(origin.utf8)) }

    private static func randomOrigin() -> String {
        let digits = String(randombytes_random(), radix: 16)
        return "localhost/nrx-ledger/" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    private static func damaged(_ what: String, _ path: String) -> VaultError {
        VaultError(.damaged, "the vault's file was altered: \(what). Restore it from a backup.", file: path)
    }
}
