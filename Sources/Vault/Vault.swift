import EventStore
import Foundation
import GRDB
import Synchronization

/// What makes personal data readable and the log ours: the customers' data keys, the index that finds a customer by
/// e-mail, the log's signing key, and the highest tree head ever signed.
///
/// ```swift
/// let vault = try Vault.open(directory: "data/vault", masterKeyFile: nil, origin: nil)
/// let log = try EventLog.open(directory: "data/log", signer: vault, keeper: vault, …)
/// let reservation = try await vault.reserve(email: "Ada@Example.com", customerID: "cust_…")
/// let sealed = try await vault.seal(
///     reservation.email, customerID: "cust_…", context: "customer.created", field: "email")
/// ```
///
/// Everything lives in one directory (mode 0700): `vault.sqlite`, where keys are stored only wrapped by the master key,
/// and `master.key` (mode 0600), unless the master key is kept elsewhere. Whoever has both can read everything; whoever
/// lacks either can read nothing. See docs/threat-model.md.
public final class Vault: Sendable {
    /// The name of the log, and of its key in checkpoints.
    public var origin: String { signingKey.verifierKey.name }

    let masterKey: MasterKey
    let emailIndex: EmailIndex
    /// The log's key; another one after a rotation.
    var signingKey: LogSigningKey { logKey.withLock { $0 } }
    let logKey: Mutex<LogSigningKey>
    let dataKeys: DataKeyCache
    /// For the vault's thread alone.
    let customers: CustomersTable
    let thread: VaultThread

    /// Longest text that ``seal(_:customerID:context:field:)`` takes, in bytes of UTF-8.
    public static let fieldBytesMax = 65_536

    /// Opens the vault, or makes one where there is none. Blocking: some milliseconds, to be called at start or on a
    /// thread of one's own.
    ///
    /// - Parameters:
    ///   - directory: made with mode 0700 when it is absent. Files that other users may read are refused.
    ///   - masterKeyFile: a file of 64 hexadecimal digits, mode 0600, that must exist; nil for `master.key` in
    ///     `directory`, which is made from libsodium's generator together with the vault.
    ///   - origin: the log's name; nil for the one that is kept, or, in a new vault, `localhost/nrx-ledger/` and 8
    ///     random hexadecimal digits.
    /// - Throws: ``VaultError/Code/locked``, ``VaultError/Code/permissions``, ``VaultError/Code/masterKeyMissing``,
    ///   ``VaultError/Code/wrongMasterKey``, ``VaultError/Code/foreignOrigin`` when `origin` is not the one that is
    ///   kept, ``VaultError/Code/damaged`` when something stored was altered.
    public static func open(
        directory: String, masterKeyFile: String? = nil, origin: String? = nil
    ) throws(VaultError) -> Vault {
        try VaultOpener(directory: directory, masterKeyFile: masterKeyFile, origin: origin).open()
    }

    /// The file of the master key in the vault's directory, unless it is kept elsewhere.
    public static let masterKeyName = "master.key"

    /// Whether there is a vault in `directory`.
    public static func exists(in directory: String) -> Bool {
        FileManager.default.fileExists(atPath: directory + "/" + VaultDatabase.fileName)
    }

    init(
        database: DatabaseQueue, customers: CustomersTable, masterKey: MasterKey, emailIndex: EmailIndex,
        signingKey: LogSigningKey
    ) throws(VaultError) {
        self.masterKey = masterKey
        self.emailIndex = emailIndex
        logKey = Mutex(signingKey)
        dataKeys = try DataKeyCache()
        self.customers = customers
        thread = VaultThread(database, customers)
    }

    deinit { thread.close() }

    /// What `body` returns; the vault is closed when it throws, so that a start that failed leaves nothing locked. Blocking:
    /// for threads of one's own only.
    public func closingOnFailure<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch {
            thread.endBlocking()
            throw error
        }
    }

    /// Puts something around the answers to calls that shared a transaction, at most 32 at a time: for a caller whose answers
    /// all do the same next, and can do it together.
    ///
    /// - Parameter together: calls its argument once; on the vault's thread.
    public func answerTogether(_ together: @escaping @Sendable (() -> Void) -> Void) {
        thread.answerTogether(together)
    }

    /// Finishes what waits and closes the file. Later calls throw ``VaultError/Code/closed``; signing still works.
    ///
    /// - Throws: what went wrong when the file was closed. What was answered before is durable all the same.
    public func close() async throws(VaultError) { try await thread.end() }
}
