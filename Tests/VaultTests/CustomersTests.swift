import Foundation
import Testing

@testable import Vault

@Suite("Reserving, finding and erasing customers")
struct CustomersTests {
    let temporary: TemporaryVault

    init() throws { temporary = try TemporaryVault() }

    @Test("an e-mail is found however it is spelled, and shown as it was written")
    func spellings() async throws {
        try await temporary.withVault { vault async throws in
            let reservation = try await vault.reserve(email: " Ada@Example.COM\n", customerID: "cust_1")
            #expect(reservation == Reservation(customerID: "cust_1", email: "Ada@Example.COM", sealed: []))
            #expect(try await vault.customerID(forEmail: "ada@example.com") == "cust_1")
            #expect(try await vault.customerID(forEmail: "\tADA@EXAMPLE.COM ") == "cust_1")
            #expect(try await vault.customerID(forEmail: "eve@example.com") == nil)
        }
    }

    @Test("of many concurrent sign-ups with one e-mail in different spellings exactly one wins")
    func race() async throws {
        try await temporary.withVault { vault async throws in
            let spellings = ["ada@example.com", "Ada@Example.com", " ADA@example.com", "ada@example.com\r\n"]
            let winners = try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        do throws(VaultError) {
                            return try await vault.reserve(
                                email: spellings[number % spellings.count], customerID: "cust_\(number)"
                            ).customerID
                        } catch {
                            #expect(error.code == .emailTaken)
                            return nil
                        }
                    }
                }
                return try await group.reduce(into: [String]()) { if let winner = $1 { $0.append(winner) } }
            }
            #expect(winners.count == 1)
            #expect(try await vault.customerID(forEmail: "ada@example.com") == winners.first)
        }
    }

    @Test("a refused e-mail leaves no data key behind")
    func refused() async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            #expect(
                try await code { _ = try await vault.reserve(email: "ADA@example.com", customerID: "cust_2") }
                    == .emailTaken)
            #expect(
                try await code { _ = try await vault.seal("x", customerID: "cust_2", context: "c", field: "f") }
                    == .unknownCustomer)
        }
    }

    @Test("a customer gets no second data key under another e-mail")
    func secondKey() async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            #expect(
                try await code { _ = try await vault.reserve(email: "eve@example.com", customerID: "cust_1") }
                    == .customerExists)
            #expect(try await vault.customerID(forEmail: "eve@example.com") == nil)
        }
    }

    @Test("an empty or endless e-mail is refused", arguments: ["", " \n\t", String(repeating: "a", count: 321)])
    func malformed(email: String) async throws {
        try await temporary.withVault { vault async throws in
            #expect(
                try await code { _ = try await vault.reserve(email: email, customerID: "cust_1") } == .invalidInput)
        }
    }

    @Test("a released reservation frees the e-mail for the next customer, who gets a key of their own")
    func release() async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            let sealed = try await vault.seal("x", customerID: "cust_1", context: "c", field: "f")
            try await vault.release("cust_1")
            try await vault.release("cust_1")
            #expect(try await vault.customerID(forEmail: "ada@example.com") == nil)
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            #expect(
                try await code { _ = try await vault.open(sealed, customerID: "cust_1", context: "c", field: "f") }
                    == .notAuthentic)
        }
    }

    @Test("erasure makes what was sealed unreadable for ever and the e-mail free, also after reopening")
    func erasure() async throws {
        let sealed = try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            _ = try await vault.reserve(email: "bob@example.com", customerID: "cust_2")
            let sealed = try await vault.seal("x", customerID: "cust_1", context: "c", field: "f")
            #expect(try await vault.erase("cust_1"))
            #expect(try await !vault.erase("cust_1"))
            #expect(
                try await code { _ = try await vault.open(sealed, customerID: "cust_1", context: "c", field: "f") }
                    == .unknownCustomer)
            return sealed
        }
        try await temporary.withVault { vault async throws in
            #expect(try await vault.customerID(forEmail: "ada@example.com") == nil)
            #expect(try await vault.customerID(forEmail: "bob@example.com") == "cust_2")
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_3")
            #expect(
                try await code { _ = try await vault.open(sealed, customerID: "cust_1", context: "c", field: "f") }
                    == .unknownCustomer)
        }
    }

    @Test("at start, reservations that the log never heard of are removed and the others kept")
    func orphans() async throws {
        try await temporary.withVault { vault async throws in
            for number in 0..<10 {
                _ = try await vault.reserve(email: "user\(number)@example.com", customerID: "cust_\(number)")
            }
        }
        try await temporary.withVault { vault async throws in
            let removed = try await vault.removeOrphans(known: ["cust_3", "cust_5", "cust_never_reserved"])
            #expect(Set(removed) == Set((0..<10).map { "cust_\($0)" }).subtracting(["cust_3", "cust_5"]))
            #expect(try await vault.removeOrphans(known: ["cust_3", "cust_5"]).isEmpty)
            #expect(try await vault.customerID(forEmail: "user3@example.com") == "cust_3")
            #expect(try await vault.customerID(forEmail: "user4@example.com") == nil)
        }
    }
}
