import Foundation
import Testing

@testable import Vault

@Suite("The vault's earlier formats")
struct FormatTests {
    let temporary: TemporaryVault

    init() throws { temporary = try TemporaryVault() }

    /// Makes the closed vault one of format 2, whose customers stood in the order of their ids.
    private func makeFormat2() throws {
        try temporary.tamper(
            """
            PRAGMA secure_delete = ON;
            CREATE TABLE old (
                customer_id TEXT NOT NULL PRIMARY KEY,
                email_digest BLOB NOT NULL UNIQUE,
                wrapped_data_key BLOB NOT NULL
            ) STRICT, WITHOUT ROWID;
            INSERT INTO old SELECT customer_id, email_digest, wrapped_data_key FROM customers;
            DROP TABLE customers;
            ALTER TABLE old RENAME TO customers;
            PRAGMA user_version = 2
            """)
    }

    @Test("a vault of format 2 opens, and everything is as it was: customers, data keys, e-mails that are taken")
    func format2() async throws {
        let sealed = try await temporary.withVault { vault async throws in
            for number in 0..<200 {
                _ = try await vault.reserve(email: "u\(number)@example.com", customerID: "cust_\(number)")
            }
            return try await vault.seal("Ada", customerID: "cust_7", context: "c", field: "f")
        }
        try makeFormat2()
        for _ in 0..<2 {
            try await temporary.withVault { vault async throws in
                #expect(try await vault.open(sealed, customerID: "cust_7", context: "c", field: "f") == "Ada")
                for number in 0..<200 {
                    #expect(try await vault.customerID(forEmail: "U\(number)@example.com") == "cust_\(number)")
                }
                #expect(
                    try await code { _ = try await vault.reserve(email: "u3@example.com", customerID: "cust_x") }
                        == .emailTaken)
                #expect(
                    try await code { _ = try await vault.reserve(email: "new@example.com", customerID: "cust_3") }
                        == .customerExists)
            }
        }
    }

    @Test("what is erased after that is in no file, and neither is what was erased before it")
    func erasedAfterwards() async throws {
        try await temporary.withVault { vault async throws in
            for number in 0..<50 {
                _ = try await vault.reserve(email: "u\(number)@example.com", customerID: "cust_\(number)")
            }
        }
        try makeFormat2()
        let wrapped = try temporary.blob("SELECT wrapped_data_key FROM customers WHERE customer_id = 'cust_7'")
        let digest = try temporary.blob("SELECT email_digest FROM customers WHERE customer_id = 'cust_7'")
        #expect(try !temporary.files(holding: wrapped).isEmpty, "the search finds what is there")
        let vault = try temporary.open()
        #expect(try await vault.erase("cust_7"))
        for bytes in [wrapped, digest, Array("cust_7".utf8)] { #expect(try temporary.files(holding: bytes) == []) }
        try await vault.close()
        for bytes in [wrapped, digest] { #expect(try temporary.files(holding: bytes) == []) }
    }

    @Test("a copy of format 2 is erased from like any other")
    func copyOfFormat2() async throws {
        try await temporary.withVault { vault async throws in
            for number in 0..<10 {
                _ = try await vault.reserve(email: "u\(number)@example.com", customerID: "cust_\(number)")
            }
        }
        try makeFormat2()
        #expect(try Vault.erase(inCopy: temporary.directory) { $0 == "cust_4" } == 9)
        try await temporary.withVault { vault async throws in
            #expect(try await vault.customerID(forEmail: "u4@example.com") == "cust_4")
            #expect(try await vault.customerID(forEmail: "u5@example.com") == nil)
        }
    }

    @Test(
        "two rows of one customer, or of one e-mail, are damage",
        arguments: [
            "INSERT INTO customers SELECT 50, customer_id, zeroblob(32), wrapped_data_key FROM customers",
            "INSERT INTO customers SELECT 50, 'cust_2', email_digest, wrapped_data_key FROM customers",
            "UPDATE customers SET number = 0", "UPDATE customers SET number = 1099511627776",
        ])
    func duplicates(sql: String) async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
        }
        try temporary.tamper(sql)
        #expect(try await code { _ = try temporary.open() } == .damaged)
    }
}
