import Foundation
import Synchronization
import Testing

@testable import Vault

@Suite("Sealed fields")
struct FieldsTests {
    let temporary: TemporaryVault

    init() throws { temporary = try TemporaryVault() }

    private func withCustomer(_ body: (Vault) async throws -> Void) async throws {
        try await temporary.withVault { vault async throws in
            _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
            _ = try await vault.reserve(email: "bob@example.com", customerID: "cust_2")
            try await body(vault)
        }
    }

    @Test(
        "a text comes back as it was sealed",
        arguments: [
            "", "a", "Ädä \u{1F512}\u{0}", String(repeating: "x", count: 63), String(repeating: "x", count: 64),
        ]
    )
    func roundTrip(text: String) async throws {
        try await withCustomer { vault async throws in
            let sealed = try await vault.seal(text, customerID: "cust_1", context: "c", field: "f")
            let opened = try await vault.open(sealed, customerID: "cust_1", context: "c", field: "f")
            #expect(Array(opened.utf8) == Array(text.utf8))
        }
    }

    @Test("texts of 0 to 63 bytes are equally long when sealed, and no sealing repeats another")
    func lengths() async throws {
        try await withCustomer { vault async throws in
            var sealed: [String] = []
            for count in 0..<64 {
                let text = String(repeating: "x", count: count)
                sealed.append(try await vault.seal(text, customerID: "cust_1", context: "c", field: "f"))
            }
            #expect(Set(sealed.map(\.utf8.count)).count == 1)
            #expect(Set(sealed).count == 64)
            let longer = try await vault.seal(
                String(repeating: "x", count: 64), customerID: "cust_1", context: "c", field: "f")
            #expect(Data(base64Encoded: longer)?.count == 64 + 64 + SealedBox.overheadBytes)
        }
    }

    @Test("a sealed text opens for its customer, context and field only")
    func bound() async throws {
        try await withCustomer { vault async throws in
            let sealed = try await vault.seal("x", customerID: "cust_1", context: "ab", field: "c")
            for (customerID, context, field) in [
                ("cust_2", "ab", "c"), ("cust_1", "abx", "c"), ("cust_1", "ab", "d"), ("cust_1", "a", "bc"),
            ] {
                #expect(
                    try await code {
                        _ = try await vault.open(sealed, customerID: customerID, context: context, field: field)
                    } == .notAuthentic)
            }
        }
    }

    @Test("no bit of a sealed text can change unnoticed, none can be cut off or added")
    func altered() async throws {
        try await withCustomer { vault async throws in
            let sealed = try await vault.seal("x", customerID: "cust_1", context: "c", field: "f")
            let box = try #require(Data(base64Encoded: sealed))
            var variants = (0..<(box.count * 8)).map { bit in
                var altered = box
                altered[bit / 8] ^= 1 << (bit % 8)
                return altered.base64EncodedString()
            }
            variants += [Data(box.dropLast()), box + [0], Data(), box.prefix(40)].map { $0.base64EncodedString() }
            variants += [sealed + "\n", String(sealed.dropLast()), "not base64", "é" + sealed]
            for variant in variants {
                #expect(
                    try await code {
                        _ = try await vault.open(variant, customerID: "cust_1", context: "c", field: "f")
                    } == .notAuthentic)
            }
        }
    }

    @Test("a text over the limit is refused, one at the limit is not")
    func limit() async throws {
        try await withCustomer { vault async throws in
            let longest = String(repeating: "x", count: Vault.fieldBytesMax)
            let sealed = try await vault.seal(longest, customerID: "cust_1", context: "c", field: "f")
            #expect(try await vault.open(sealed, customerID: "cust_1", context: "c", field: "f") == longest)
            #expect(
                try await code {
                    _ = try await vault.seal(longest + "x", customerID: "cust_1", context: "c", field: "f")
                } == .invalidInput)
        }
    }

    @Test("sealing right after the reservation needs no database")
    func fromMemory() async throws {
        try await withCustomer { vault async throws in
            let held = await HeldThread(vault)
            let isDone = Atomic(false)
            async let opened = {
                defer { isDone.store(true, ordering: .releasing) }
                let sealed = try await vault.seal("x", customerID: "cust_1", context: "c", field: "f")
                return try await vault.open(sealed, customerID: "cust_1", context: "c", field: "f")
            }()
            // Ends either way: the texts come back, or one of the calls waits for the thread that is held.
            while !isDone.load(ordering: .acquiring), vault.thread.waitingJobs == 0 { await Task.yield() }
            #expect(vault.thread.waitingJobs == 0)
            held.letGo()
            #expect(try await opened == "x")
        }
    }
}
