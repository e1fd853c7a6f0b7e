import EventStore
import Foundation
import Merkle
import Testing

@testable import Vault

@Suite("A vault's file altered behind its back")
struct TamperTests {
    let temporary: TemporaryVault

    init() throws { temporary = try TemporaryVault() }

    private func fill() async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            _ = try await vault.reserve(email: "bob@example.com", customerID: "cust_2")
            try vault.recordSignedHead(TreeHead(size: 7, root: .zero))
        }
    }

    /// Sets one byte of a blob to another value.
    private func flip(table: String, column: String, condition: String, byte: Int) throws {
        var blob = try temporary.blob("SELECT \(column) FROM \(table) WHERE \(condition)")
        blob[byte] ^= 0x10
        let hex = blob.lowerCaseHex
        try temporary.tamper("UPDATE \(table) SET \(column) = x'\(hex)' WHERE \(condition)")
    }

    @Test("a wrapped data key opens nothing once any of its parts changed", arguments: [0, 23, 24, 55, 56, 71])
    func dataKey(byte: Int) async throws {
        try await fill()
        try flip(
            table: "customers", column: "wrapped_data_key", condition: "customer_id='cust_1'", byte: byte)
        try await temporary.withVault { vault async throws in
            #expect(
                try await code { _ = try await vault.seal("x", customerID: "cust_1", context: "c", field: "f") }
                    == .damaged)
            #expect(try await code { _ = try await vault.customerID(forEmail: "ada@example.com") } == .damaged)
            #expect(try await vault.customerID(forEmail: "bob@example.com") == "cust_2")
        }
    }

    @Test("a customer's row pointed to somebody else's e-mail is noticed before anybody is let in")
    func swappedEmail() async throws {
        try await fill()
        let ada = try temporary.blob("SELECT email_digest FROM customers WHERE customer_id='cust_1'")
        let hex = ada.lowerCaseHex
        try temporary.tamper(
            "DELETE FROM customers WHERE customer_id='cust_1';"
                + " UPDATE customers SET email_digest = x'\(hex)' WHERE customer_id='cust_2'")
        try await temporary.withVault { vault async throws in
            #expect(try await code { _ = try await vault.customerID(forEmail: "ada@example.com") } == .damaged)
        }
    }

    @Test("a data key moved to another customer's row is noticed")
    func movedKey() async throws {
        try await fill()
        try temporary.tamper(
            "UPDATE customers SET wrapped_data_key = (SELECT wrapped_data_key FROM customers"
                + " WHERE customer_id='cust_1') WHERE customer_id='cust_2'")
        try await temporary.withVault { vault async throws in
            #expect(
                try await code { _ = try await vault.seal("x", customerID: "cust_2", context: "c", field: "f") }
                    == .damaged)
        }
    }

    @Test(
        "the highest signed head cannot be lowered, changed or removed unnoticed",
        arguments: [
            "UPDATE signed_head SET size = 6", "UPDATE signed_head SET size = -1",
            "UPDATE signed_head SET root = x'\(String(repeating: "01", count: 32))'",
            "UPDATE signed_head SET tag = x'00'", "DELETE FROM signed_head",
        ])
    func signedHead(sql: String) async throws {
        try await fill()
        try temporary.tamper(sql)
        try await temporary.withVault { vault async throws in
            #expect(try await code { _ = try vault.highestSignedHead() } == .damaged)
            #expect(
                try await code { try vault.recordSignedHead(TreeHead(size: 100, root: .zero)) } == .damaged)
        }
    }

    @Test(
        "the log's key, its origin and the index key are bound to each other's place",
        arguments: ["wrapped_log_signing_seed", "wrapped_email_index_key"])
    func identityKeys(column: String) async throws {
        try await fill()
        try flip(table: "identity", column: column, condition: "id=1", byte: 30)
        #expect(try await code { _ = try temporary.open() } == .damaged)
    }

    @Test("the origin cannot be changed in the file")
    func origin() async throws {
        try await fill()
        try temporary.tamper("UPDATE identity SET origin = 'evil.example/log'")
        #expect(try await code { _ = try temporary.open() } == .damaged)
    }

    @Test("the two wrapped keys of the vault cannot be exchanged")
    func exchangedKeys() async throws {
        try await fill()
        try temporary.tamper(
            "UPDATE identity SET wrapped_log_signing_seed = wrapped_email_index_key,"
                + " wrapped_email_index_key = wrapped_log_signing_seed")
        #expect(try await code { _ = try temporary.open() } == .damaged)
    }

    @Test("a vault without its identity is damaged, not new")
    func missingIdentity() async throws {
        try await fill()
        try temporary.tamper("DELETE FROM identity")
        #expect(try await code { _ = try temporary.open() } == .damaged)
    }
}
