import Foundation
import GRDB
import Synchronization
import Testing

@testable import Vault

/// A directory for one test, removed with it: a stored property of the suite, so that it lives as long as the test does.
/// The vault's directory is made inside by the vault itself.
final class TemporaryVault: Sendable {
    let root: String
    var directory: String { root + "/vault" }
    var masterKeyPath: String { directory + "/master.key" }
    var databasePath: String { directory + "/vault.sqlite" }

    init() throws {
        root = NSTemporaryDirectory() + "/nrx-vault-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit {
        // What the system's cleaner of temporary files would do; a failure harms no test.
        try? FileManager.default.removeItem(atPath: root)
    }

    func open(masterKeyFile: String? = nil, origin: String? = nil) throws(VaultError) -> Vault {
        try Vault.open(directory: directory, masterKeyFile: masterKeyFile, origin: origin)
    }

    /// Opens, lends and closes.
    func withVault<R>(_ body: (Vault) async throws -> R) async throws -> R {
        let vault = try open()
        let result = try await body(vault)
        try await vault.close()
        return result
    }

    /// Changes the closed vault's file behind its back.
    func tamper(_ sql: String) throws {
        let database = try DatabaseQueue(path: databasePath)
        try database.write { db in
            try db.execute(sql: sql)
            try #require(db.totalChangesCount > 0, "the statement must change something")
        }
        try database.close()
    }

    /// Reads the closed vault's file.
    func blob(_ sql: String) throws -> [UInt8] {
        let database = try DatabaseQueue(path: databasePath)
        let data = try database.read { try Data.fetchOne($0, sql: sql) }
        try database.close()
        return Array(try #require(data))
    }

    /// Names and contents of all files in the vault's directory.
    func files() throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        return try Dictionary(
            uniqueKeysWithValues: names.map {
                ($0, try Data(contentsOf: URL(fileURLWithPath: directory + "/" + $0)))
            })
    }

    /// Names of the files that hold `bytes` anywhere.
    func files(holding bytes: some Sequence<UInt8>) throws -> [String] {
        let wanted = Data(bytes)
        return try files().filter { $0.value.range(of: wanted) != nil }.keys.sorted()
    }

    func mode(of path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    func setMode(_ mode: Int, of path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
}

/// The code of the error that `body` must throw.
func code(of body: () async throws -> Void) async throws -> VaultError.Code {
    try await failure(of: body).code
}

/// The error that `body` must throw.
func failure(of body: () async throws -> Void) async throws -> VaultError {
    do { try await body() } catch let error as VaultError { return error }
    Issue.record("nothing was thrown")
    throw CancellationError()
}

/// Holds a vault's thread inside a transaction until it is let go.
struct HeldThread: Sendable {
    private let gate = DispatchSemaphore(value: 0)
    private let entered = DispatchSemaphore(value: 0)

    init(_ vault: Vault) async {
        let (gate, entered) = (gate, entered)
        Task {
            try await vault.thread.run { _ in
                entered.signal(); gate.wait()
            } finish: { () throws(VaultError) in
            }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                entered.wait()
                continuation.resume()
            }
        }
    }

    func letGo() { gate.signal() }
}
