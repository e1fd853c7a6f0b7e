import EventStore
import Foundation
import GRDB
import Testing

@testable import Vault

@Suite("Opening a vault")
struct VaultTests {
    let temporary: TemporaryVault
    let other: TemporaryVault

    init() throws { (temporary, other) = (try TemporaryVault(), try TemporaryVault()) }

    @Test("a new vault makes a directory and files that only its user may touch")
    func newVault() async throws {
        let vault = try temporary.open()
        _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
        #expect(try temporary.mode(of: temporary.directory) == 0o700)
        let names = try FileManager.default.contentsOfDirectory(atPath: temporary.directory).sorted()
        #expect(names == ["master.key", "vault.sqlite", "vault.sqlite-wal"])
        for name in names { #expect(try temporary.mode(of: temporary.directory + "/" + name) == 0o600) }
        let text = try String(contentsOfFile: temporary.masterKeyPath, encoding: .utf8)
        #expect(text.wholeMatch(of: /[0-9a-f]{64}\n/) != nil)
        try await vault.close()
    }

    @Test("what one process stored the next one finds: customers, sealed fields, origin and key")
    func reopen() async throws {
        let (key, sealed) = try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            return (
                vault.verifierKey,
                try await vault.seal("Ada", customerID: "cust_1", context: "customer.created", field: "name")
            )
        }
        try await temporary.withVault { vault async throws in
            #expect(vault.verifierKey == key)
            #expect(try await vault.customerID(forEmail: "ada@example.com") == "cust_1")
            let opened = try await vault.open(
                sealed, customerID: "cust_1", context: "customer.created", field: "name")
            #expect(opened == "Ada")
        }
    }

    @Test("two vaults share no key and no origin")
    func independence() async throws {
        let keys = try await (temporary.withVault(\.verifierKey), other.withVault(\.verifierKey))
        #expect(keys.0.publicKey != keys.1.publicKey)
        #expect(keys.0.name != keys.1.name)
    }

    @Test("without an origin a random one is made and kept; another one later is refused")
    func origin() async throws {
        let origin = try await temporary.withVault(\.origin)
        #expect(origin.wholeMatch(of: /localhost\/nrx-ledger\/[0-9a-f]{8}/) != nil)
        let error = try await failure { _ = try temporary.open(origin: "ledger.example/log") }
        #expect(error.code == .foreignOrigin)
        #expect(error.message.contains(origin))
        let same = try temporary.open(origin: origin)
        #expect(same.origin == origin)
        try await same.close()
    }

    @Test("a given origin names the log's key")
    func givenOrigin() async throws {
        let vault = try temporary.open(origin: "ledger.example/log")
        #expect(vault.verifierKey.name == "ledger.example/log")
        try await vault.close()
    }

    @Test(
        "an origin that cannot name a key is refused and leaves nothing behind", arguments: ["", "a b", "a+b", "a\n"])
    func malformedOrigin(origin: String) async throws {
        #expect(try await code { _ = try temporary.open(origin: origin) } == .invalidInput)
        let vault = try temporary.open(origin: "ledger.example/log")
        try await vault.close()
    }

    @Test("an open vault is locked against a second opening, a closed one is free")
    func lock() async throws {
        let vault = try temporary.open()
        #expect(try await code { _ = try temporary.open() } == .locked)
        try await vault.close()
        try await temporary.withVault { _ in }
    }

    @Test("a vault that is dropped without being closed lets its file go")
    func dropped() async throws {
        var thread: VaultThread?
        do {
            let vault = try temporary.open()
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            thread = vault.thread
        }
        try await #require(thread).end()
        try await temporary.withVault { vault async throws in
            #expect(try await vault.customerID(forEmail: "ada@example.com") == "cust_1")
        }
    }

    @Test("a closed vault refuses calls instead of losing them")
    func closed() async throws {
        let vault = try temporary.open()
        try await vault.close()
        #expect(try await code { _ = try await vault.reserve(email: "a@example.com", customerID: "c") } == .closed)
        #expect(try await code { _ = try vault.highestSignedHead() } == .closed)
    }

    @Test("SQLite syncs every commit, overwrites what it deletes and keeps others out")
    func settings() async throws {
        try await temporary.withVault { vault async throws in
            let values = try await vault.thread.run { db in
                try ["journal_mode", "synchronous", "secure_delete", "locking_mode", "temp_store"].map {
                    try DatabaseValue.fetchOne(db, sql: "PRAGMA \($0)").map { "\($0)" }
                }
            } finish: { values throws(VaultError) in
                values
            }
            #expect(values == ["\"wal\"", "2", "1", "\"exclusive\"", "2"])
        }
    }

    @Test("a file of another program or a newer version is refused and left as it is")
    func foreignFile() async throws {
        try await temporary.withVault { _ in }
        try temporary.tamper("PRAGMA user_version = 4; UPDATE identity SET id = 1")
        let before = try temporary.blob("SELECT key_check FROM identity")
        #expect(try await code { _ = try temporary.open() } == .unsupportedFormat)
        #expect(try temporary.blob("SELECT key_check FROM identity") == before)
    }

    @Test("a file that is not a database is refused as damaged")
    func notADatabase() async throws {
        try await temporary.withVault { _ in }
        try Data(repeating: 7, count: 8192).write(to: URL(fileURLWithPath: temporary.databasePath))
        try temporary.setMode(0o600, of: temporary.databasePath)
        #expect(try await code { _ = try temporary.open() } == .damaged)
    }
}
