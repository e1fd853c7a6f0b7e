import Foundation
import ServerFixtures
import Testing

@testable import Client

@Suite("The client's credentials")
struct CredentialTests {
    private let directory: TemporaryDirectory
    private let file: CredentialFile
    private let kept: Credentials

    init() throws {
        directory = try TemporaryDirectory()
        file = CredentialFile(path: directory.path + "/config/nrx/credentials.json")
        kept = Credentials(
            server: try ServerAddress("https://ledger.example.com"), apiKey: "nrx_live_secret", keyID: "key_1")
    }

    @Test("are kept in a file that only its owner can read, and come back as they were")
    func roundTrip() throws {
        #expect(try file.load() == nil)
        try file.save(kept)
        #expect(try file.load() == kept)
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try file.remove())
        #expect(try file.load() == nil)
        #expect(try !file.remove())
    }

    @Test("a file that others can read, or a link to one, is refused", arguments: [0o640, 0o604, 0o644])
    func openFile(mode: Int) throws {
        try file.save(kept)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
        #expect(throws: ClientError.self) { try file.load() }
        let link = CredentialFile(path: directory.path + "/link")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
        try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: file.path)
        #expect(throws: ClientError.self) { try link.load() }
    }

    @Test("a key is never shown to another server than the one it was kept for")
    func otherServer() throws {
        try file.save(kept)
        let other = try Credentials.find(option: "https://other.example.com", environment: [:], file: file)
        #expect(other.apiKey == nil)
        let named = try Credentials.find(
            option: nil, environment: ["NRX_SERVER": "https://other.example.com"], file: file)
        #expect(named.apiKey == nil)
        #expect(try Credentials.find(option: nil, environment: [:], file: file) == kept)
        #expect(
            try Credentials.find(option: "https://LEDGER.example.com:443/".lowercased(), environment: [:], file: file)
                == kept)
    }

    @Test("the environment goes before the file")
    func environment() throws {
        try file.save(kept)
        let found = try Credentials.find(option: nil, environment: ["NRX_API_KEY": "nrx_live_other"], file: file)
        #expect(found.apiKey == "nrx_live_other")
    }

    @Test(
        "an address that is none, or plain HTTP to another machine, is refused",
        arguments: [
            "ledger.example.com", "ftp://a.example.com", "http://ledger.example.com", "https://u@a.example.com",
            "https://a.example.com/path", "https://a.example.com?x=1", "https://", "",
        ])
    func badAddress(text: String) {
        #expect(throws: ClientError.self) { try ServerAddress(text) }
    }

    @Test("plain HTTP works on this machine, and elsewhere when it is allowed")
    func plainHTTP() throws {
        #expect(try ServerAddress("http://[::1]:8080").text == "http://[::1]:8080")
        #expect(try ServerAddress("http://127.0.0.1").port == 80)
        #expect(try ServerAddress("http://ledger.lan", allowsInsecure: true).host == "ledger.lan")
    }
}
