import Crypto
import EventStore
import Foundation
import Testing

@testable import Vault

@Suite("The file of a recovery key")
struct RecoveryKeyTests {
    private let temporary: TemporaryVault
    private var path: String { temporary.root + "/recovery.key" }

    init() throws { temporary = try TemporaryVault() }

    private func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    private func code(_ body: () throws -> RecoveryKey) -> VaultError.Code? {
        do { _ = try body() } catch { return (error as? VaultError)?.code }
        return nil
    }

    @Test("what was made is read again, signs under the key in the .pub file, and only its owner can read it")
    func roundTrip() throws {
        let made = try RecoveryKey.make(at: path, name: "ledger.example/recovery")
        let read = try RecoveryKey.read(path)
        #expect(read.verifierKey == made.verifierKey && made.verifierKey.name == "ledger.example/recovery")
        let published = try String(contentsOfFile: path + ".pub", encoding: .utf8)
        #expect(published == made.verifierKey.description + "\n")
        let message = Array("a statement".utf8)
        #expect(made.verifierKey.verifies(try read.sign(message), over: message))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(code { try RecoveryKey.read(path) } == .permissions)
    }

    @Test("the file is a signed-note private key: the seed in it gives the public half to any Ed25519")
    func format() throws {
        let made = try RecoveryKey.make(at: path, name: "n")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasPrefix("PRIVATE+KEY+n+") && text.hasSuffix("\n"))
        let fields = text.dropLast().split(separator: "+", maxSplits: 4)
        let bytes = try #require(Data(base64Encoded: String(fields[4])))
        #expect(bytes.count == 33 && bytes.first == 1)
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: bytes.dropFirst())
        #expect(Array(key.publicKey.rawRepresentation) == made.verifierKey.publicKey)
        #expect(String(fields[3]) == made.verifierKey.keyID.map { String(format: "%02x", $0) }.joined())
    }

    @Test("an existing file is never replaced, neither half")
    func neverReplaced() throws {
        _ = try RecoveryKey.make(at: path, name: "n")
        let (secret, published) = (
            try Data(contentsOf: URL(filePath: path)), try Data(contentsOf: URL(filePath: path + ".pub"))
        )
        #expect(code { try RecoveryKey.make(at: path, name: "n") } == .io)
        try FileManager.default.removeItem(atPath: path)
        #expect(code { try RecoveryKey.make(at: path, name: "n") } == .io)
        #expect(try Data(contentsOf: URL(filePath: path + ".pub")) == published)
        #expect(!secret.isEmpty && !FileManager.default.fileExists(atPath: path))
    }

    @Test("what is no such file is refused: another name, key id, algorithm or length, the public half, nothing")
    func malformed() throws {
        let made = try RecoveryKey.make(at: path, name: "n")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let fields = text.dropLast().split(separator: "+", maxSplits: 4).map(String.init)
        let seed = try #require(Data(base64Encoded: fields[4]))
        func line(_ name: String, _ id: String, _ bytes: Data) -> String {
            "PRIVATE+KEY+\(name)+\(id)+\(bytes.base64EncodedString())\n"
        }
        let otherID = fields[3] == "00000000" ? "11111111" : "00000000"
        for wrong in [
            line("m", fields[3], seed), line("n", otherID, seed), line("n", fields[3], Data([2]) + seed.dropFirst()),
            line("n", fields[3], seed.dropLast()), line("n", fields[3], seed + [0]),
            text.replacing("PRIVATE", with: "P"),
            made.verifierKey.description, "", "PRIVATE+KEY+", String(text.prefix(40)), text + text,
        ] {
            try write(wrong)
            #expect(code { try RecoveryKey.read(path) } == .invalidInput, "\(wrong)")
        }
        try write(text)
        #expect(try RecoveryKey.read(path).verifierKey == made.verifierKey)
        #expect(code { try RecoveryKey.read(path + ".absent") } == .io)
        #expect(code { try RecoveryKey.make(at: path + "2", name: "a name") } == .invalidInput)
    }
}
