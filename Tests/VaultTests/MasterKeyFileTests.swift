import Foundation
import Testing

@testable import Vault

@Suite("The master key and the vault's files")
struct MasterKeyFileTests {
    let temporary: TemporaryVault

    init() throws { temporary = try TemporaryVault() }

    private func writeKey(_ text: String, to path: String) throws {
        #expect(
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
    }

    @Test("another master key is named as such, and the right one still opens the vault")
    func wrongKey() async throws {
        let origin = try await temporary.withVault(\.origin)
        let right = try String(contentsOfFile: temporary.masterKeyPath, encoding: .utf8)
        try writeKey(String(repeating: "ab", count: 32) + "\n", to: temporary.masterKeyPath)
        let error = try await failure { _ = try temporary.open() }
        #expect(error.code == .wrongMasterKey)
        #expect(error.file == temporary.masterKeyPath)
        try writeKey(right, to: temporary.masterKeyPath)
        #expect(try await temporary.withVault(\.origin) == origin)
    }

    @Test("a vault whose master key is gone is refused, and no new key is made")
    func missingKey() async throws {
        try await temporary.withVault { _ in }
        try FileManager.default.removeItem(atPath: temporary.masterKeyPath)
        #expect(try await code { _ = try temporary.open() } == .masterKeyMissing)
        #expect(!FileManager.default.fileExists(atPath: temporary.masterKeyPath))
    }

    @Test("a master key kept elsewhere is used, and none is made in the vault")
    func keptElsewhere() async throws {
        let path = temporary.root + "/kept.key"
        try writeKey(String(repeating: "0f", count: 32), to: path)
        let vault = try temporary.open(masterKeyFile: path)
        _ = try await vault.reserve(email: "ada@example.com", customerID: "cust_1")
        try await vault.close()
        #expect(!FileManager.default.fileExists(atPath: temporary.masterKeyPath))
        #expect(try await code { _ = try temporary.open() } == .masterKeyMissing)
        let again = try temporary.open(masterKeyFile: path)
        #expect(try await again.customerID(forEmail: "ada@example.com") == "cust_1")
        try await again.close()
    }

    @Test("a named master key that is not there is asked for with the command that makes one")
    func namedButAbsent() async throws {
        let path = temporary.root + "/kept.key"
        let error = try await failure { _ = try temporary.open(masterKeyFile: path) }
        #expect(error.code == .masterKeyMissing)
        #expect(error.message.contains("openssl rand -hex 32 > '\(path)'"))
    }

    @Test(
        "a file that does not hold exactly one key is refused",
        arguments: [
            "", "\n", String(repeating: "a", count: 63), String(repeating: "a", count: 65),
            String(repeating: "a", count: 64) + "\n\n", String(repeating: "g", count: 64),
            String(repeating: "a", count: 63) + "\n", String(repeating: "a", count: 500),
        ])
    func malformed(text: String) async throws {
        let path = temporary.root + "/kept.key"
        try writeKey(text, to: path)
        let error = try await failure { _ = try temporary.open(masterKeyFile: path) }
        #expect(error.code == .masterKeyMalformed)
        #expect(text.count < 8 || !error.description.contains(text))
    }

    @Test("files open to others are refused with the command that closes them", arguments: [0o640, 0o604, 0o620])
    func openFiles(mode: Int) async throws {
        try await temporary.withVault { _ in }
        for path in [temporary.masterKeyPath, temporary.databasePath] {
            try temporary.setMode(mode, of: path)
            let error = try await failure { _ = try temporary.open() }
            #expect(error.code == .permissions)
            #expect(error.message.contains("chmod 600 '\(path)'"))
            try temporary.setMode(0o600, of: path)
        }
        try await temporary.withVault { _ in }
    }

    @Test("a directory open to others is refused with the command that closes it", arguments: [0o750, 0o701, 0o777])
    func openDirectory(mode: Int) async throws {
        try FileManager.default.createDirectory(atPath: temporary.directory, withIntermediateDirectories: false)
        try temporary.setMode(mode, of: temporary.directory)
        let error = try await failure { _ = try temporary.open() }
        #expect(error.code == .permissions)
        #expect(error.message.contains("chmod 700 '\(temporary.directory)'"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary.directory).isEmpty)
    }

    @Test("a master key made before a crash cut the first start short is used by the next start")
    func crashAfterKey() async throws {
        try await temporary.withVault { _ in }
        let key = try Data(contentsOf: URL(fileURLWithPath: temporary.masterKeyPath))
        try FileManager.default.removeItem(atPath: temporary.databasePath)
        try await temporary.withVault { _ in }
        #expect(try Data(contentsOf: URL(fileURLWithPath: temporary.masterKeyPath)) == key)
    }
}
