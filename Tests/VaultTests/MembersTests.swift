import Foundation
import Testing

@testable import Vault

@Suite struct MembersTests {
    private let temporary: TemporaryVault

    init() throws { temporary = try TemporaryVault() }

    private static let ada = MemberReference(customerID: "cust_1", memberID: "mem_1")

    @Test("An e-mail is one member's whatever its spelling, until they are released")
    func reservation() async throws {
        try await temporary.withVault { vault in
            try await vault.reserveMember(email: "Ada@Example.com", for: Self.ada)
            #expect(try await vault.member(forEmail: " ADA@example.COM ") == Self.ada)
            let taken = await #expect(throws: VaultError.self) {
                try await vault.reserveMember(
                    email: "ada@example.com", for: MemberReference(customerID: "cust_2", memberID: "mem_2"))
            }
            #expect(taken?.code == .emailTaken)
            try await vault.releaseMember("mem_1")
            #expect(try await vault.member(forEmail: "ada@example.com") == nil)
            try await vault.releaseMember("mem_1")
        }
    }

    /// Reserves a customer with its first member.
    private func reserve(_ vault: Vault, _ member: MemberReference, email: String) async throws -> Reservation {
        let customer = NewCustomer(customerID: member.customerID, email: email, ownerID: member.memberID)
        return try await withCheckedContinuation { continuation in
            vault.reserve(customer) { continuation.resume(returning: $0) }
        }.get()
    }

    @Test("A customer's first member has the e-mail with the customer, and nobody's who has it already")
    func owner() async throws {
        try await temporary.withVault { vault in
            _ = try await reserve(vault, Self.ada, email: "Ada@example.com")
            #expect(try await vault.member(forEmail: "ada@example.com") == Self.ada)
            #expect(try await vault.customerID(forEmail: "ada@example.com") == "cust_1")
            // Invited elsewhere, so the address is a member's and no customer's.
            try await vault.reserveMember(
                email: "bob@example.com", for: MemberReference(customerID: "cust_1", memberID: "mem_2"))
            let taken = await #expect(throws: VaultError.self) {
                try await reserve(
                    vault, MemberReference(customerID: "cust_3", memberID: "mem_3"), email: "BOB@example.com")
            }
            #expect(taken?.code == .emailTaken)
            #expect(try await vault.customerID(forEmail: "bob@example.com") == nil)
        }
    }

    @Test("At a start the e-mails of those whom the log does not know are free again; the others are still there")
    func orphans() async throws {
        try await temporary.withVault { vault in
            try await vault.reserveMember(email: "ada@example.com", for: Self.ada)
            try await vault.reserveMember(
                email: "bob@example.com", for: MemberReference(customerID: "cust_1", memberID: "mem_2"))
        }
        try await temporary.withVault { vault in
            let freed = try await vault.removeOrphanMembers(known: ["mem_1"])
            #expect(freed == ["mem_2"])
            #expect(try await vault.member(forEmail: "ada@example.com") == Self.ada)
            #expect(try await vault.member(forEmail: "bob@example.com") == nil)
        }
    }

    @Test("A row that was pointed at somebody else is found out")
    func altered() async throws {
        try await temporary.withVault { try await $0.reserveMember(email: "ada@example.com", for: Self.ada) }
        try temporary.tamper("UPDATE member_emails SET customer_id = 'cust_9'")
        try await temporary.withVault { vault in
            let error = await #expect(throws: VaultError.self) { try await vault.member(forEmail: "ada@example.com") }
            #expect(error?.code == .damaged)
        }
    }

    @Test("Keys of tokens are the same after a restart, and gone when they are removed; an altered one is found out")
    func tokenKeys() async throws {
        func seeds(_ vault: Vault) async throws -> [String: [UInt8]] {
            try await vault.tokenKeys().reduce(into: [:]) { seeds, key in
                seeds[key.id] = key.withSeed { Array(UnsafeBufferPointer(start: $0, count: 32)) }
            }
        }
        let before = try await temporary.withVault { vault in
            _ = try await vault.addTokenKey(id: "jwt-1", createdAtSeconds: 1)
            _ = try await vault.addTokenKey(id: "jwt-2", createdAtSeconds: 2)
            return try await seeds(vault)
        }
        #expect(Set(before.values).count == 2)
        try await temporary.withVault { vault in
            #expect(try await seeds(vault) == before)
            try await vault.removeTokenKeys(["jwt-1"])
            #expect(try await vault.tokenKeys().map(\.id) == ["jwt-2"])
        }
        for (_, file) in try temporary.files() {
            for seed in before.values { #expect(file.range(of: Data(seed)) == nil, "only wrapped") }
        }
        try temporary.tamper("UPDATE token_keys SET created_at = 3")
        try await temporary.withVault { vault in
            let error = await #expect(throws: VaultError.self) { try await vault.tokenKeys() }
            #expect(error?.code == .damaged)
        }
    }
}
