import EventStore
import Foundation
import Merkle
import Testing

@testable import Vault

@Suite("Copies of the vault")
struct VaultCopyTests {
    private func directory() throws -> String {
        let url = FileManager.default.temporaryDirectory.appending(path: "vault-copy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return url.path(percentEncoded: false)
    }

    @Test("a copy opens as the same vault, knows its customers, and no head beyond the one it was made for")
    func copy() async throws {
        let directory = try directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let vault = try Vault.open(directory: directory + "/vault")
        _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_a")
        let sealed = try await vault.seal("Ada", customerID: "cust_a", context: "evt_1", field: "name")
        let low = TreeHead(size: 3, root: Hash(of: [3]))
        try vault.recordSignedHead(low)
        try vault.recordSignedHead(TreeHead(size: 9, root: Hash(of: [9])))
        let bytes = try await vault.copy(
            to: directory + "/copy", head: low, masterKeyFile: directory + "/vault/" + Vault.masterKeyName)
        #expect(bytes > 0)
        let copy = try Vault.open(directory: directory + "/copy")
        #expect(copy.origin == vault.origin && copy.verifierKey == vault.verifierKey)
        #expect(try copy.highestSignedHead() == low)
        #expect(try await copy.customerID(forEmail: "ada@example.com") == "cust_a")
        #expect(try await copy.open(sealed, customerID: "cust_a", context: "evt_1", field: "name") == "Ada")
        for name in [VaultDatabase.fileName, Vault.masterKeyName] {
            let file = directory + "/copy/" + name
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
        try await copy.close()
        await #expect(throws: VaultError.self, "a vault is never overwritten") {
            _ = try await vault.copy(to: directory + "/copy", head: nil, masterKeyFile: nil)
        }
        #expect(try vault.highestSignedHead()?.size == 9, "the vault itself is as it was")
        try await vault.close()
    }

    @Test("who is erased in a copy is gone from its bytes; a copy that is open elsewhere is refused")
    func erasure() async throws {
        let directory = try directory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let vault = try Vault.open(directory: directory + "/vault")
        for name in ["ada", "bob"] { _ = try await vault.reserve(email: "\(name)@example.com", customerID: name) }
        _ = try await vault.copy(
            to: directory + "/copy", head: nil, masterKeyFile: directory + "/vault/" + Vault.masterKeyName)
        try await vault.close()
        let file = URL(filePath: directory + "/copy/" + VaultDatabase.fileName)
        let marker = Data("bob".utf8)
        #expect(try Data(contentsOf: file).range(of: marker) != nil)
        #expect(try Vault.erase(inCopy: directory + "/copy") { $0 != "bob" } == 1)
        #expect(try Vault.erase(inCopy: directory + "/copy") { $0 != "bob" } == 0)
        #expect(try Data(contentsOf: file).range(of: marker) == nil)
        let open = try Vault.open(directory: directory + "/copy")
        #expect(try await open.customerID(forEmail: "ada@example.com") == "ada")
        #expect(throws: VaultError.self) { _ = try Vault.erase(inCopy: directory + "/copy") { _ in false } }
        try await open.close()
    }
}
