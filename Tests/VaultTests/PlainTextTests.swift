import EventStore
import Foundation
import Merkle
import Testing

@testable import Vault

@Suite("What the vault's files give away")
struct PlainTextTests {
    let temporary: TemporaryVault
    let other: TemporaryVault

    init() throws { (temporary, other) = (try TemporaryVault(), try TemporaryVault()) }

    private let email = "Ada.Lovelace+ledger@example.com"

    @Test("no e-mail, no sealed text and no key is in any byte of the directory, the write-ahead log included")
    func nothingInPlainText() async throws {
        let vault = try temporary.open()
        _ = try await vault.reserve(email: email, customerID: "cust_1")
        _ = try await vault.seal("a sealed text", customerID: "cust_1", context: "c", field: "f")
        let dataKey = try #require(
            vault.dataKeys.withKey(of: "cust_1") { Array(UnsafeBufferPointer(start: $0, count: 32)) })
        #expect(
            try temporary.files(holding: "cust_1".utf8).contains("vault.sqlite-wal"), "the search finds what is there")
        try expectNothing(of: dataKey, in: temporary)
        try await vault.close()
        #expect(try temporary.files(holding: "cust_1".utf8) == ["vault.sqlite"])
        try expectNothing(of: dataKey, in: temporary)
    }

    private func expectNothing(of dataKey: [UInt8], in temporary: TemporaryVault) throws {
        let secrets: [[UInt8]] = [
            Array(email.utf8), Array(email.lowercased().utf8), Array("ada.lovelace".utf8), Array("a sealed text".utf8),
            dataKey, Array(dataKey.lowerCaseHex.utf8),
        ]
        for secret in secrets { #expect(try temporary.files(holding: secret) == []) }
    }

    @Test("an unkeyed hash of the e-mail does not find the customer's row")
    func keyedIndex() async throws {
        for vault in [temporary, other] {
            try await vault.withVault { _ = try await $0.reserve(email: email, customerID: "cust_1") }
        }
        let sql = "SELECT email_digest FROM customers"
        #expect(try temporary.blob(sql) != other.blob(sql))
    }

    @Test("the log's private seed is nowhere in plain text")
    func signingSeed() async throws {
        let publicKey = try await temporary.withVault(\.verifierKey.publicKey)
        let wrapped = try temporary.blob("SELECT wrapped_log_signing_seed FROM identity")
        let origin = try await temporary.withVault(\.origin)
        let key = try MasterKey(try #require(try MasterKeyFile.read(temporary.masterKeyPath)))
        let seed = try #require(try key.unwrap(wrapped, Binding(.logSigningSeed, Array(origin.utf8))))
        #expect(try LogSigningKey(seed: seed, origin: origin).verifierKey.publicKey == publicKey)
        let bytes = seed.withBytes { Array(UnsafeBufferPointer(start: $0, count: 32)) }
        #expect(try temporary.files(holding: bytes) == [])
    }

    @Test("after an erasure neither the wrapped key nor the e-mail's digest is left in any file")
    func erasedTraces() async throws {
        try await temporary.withVault { vault async throws in
            for number in 0..<200 {
                _ = try await vault.reserve(email: "user\(number)@example.com", customerID: "cust_\(number)")
            }
        }
        let wrapped = try temporary.blob("SELECT wrapped_data_key FROM customers WHERE customer_id = 'cust_199'")
        let digest = try temporary.blob("SELECT email_digest FROM customers WHERE customer_id = 'cust_199'")
        #expect(try temporary.files(holding: wrapped) == ["vault.sqlite"])
        let vault = try temporary.open()
        // Writes to the page that holds the row, which was the last one, so that the write-ahead log holds copies of it too.
        for number in 200..<400 {
            _ = try await vault.reserve(email: "user\(number)@example.com", customerID: "cust_\(number)")
        }
        #expect(try temporary.files(holding: digest).contains("vault.sqlite-wal"))
        try await vault.erase("cust_199")
        for trace in [wrapped, digest, Array("cust_199".utf8)] { #expect(try temporary.files(holding: trace) == []) }
        try await vault.close()
        for trace in [wrapped, digest, Array("cust_199".utf8)] { #expect(try temporary.files(holding: trace) == []) }
    }

    @Test("errors name no e-mail")
    func errors() async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: email, customerID: "cust_1")
            let error = try await failure { _ = try await vault.reserve(email: email, customerID: "cust_2") }
            #expect(!"\(error) \(String(reflecting: error))".lowercased().contains("ada"))
        }
    }
}
