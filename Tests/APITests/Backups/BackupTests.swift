import CanonicalJSON
import EventStore
import Foundation
import HTTPTypes
import Ledger
import ServerFixtures
import Testing
import Vault

@testable import API

/// Backups over the API, on servers that need no sandbox.
@Suite("Backups", .serialized, .timeLimit(.minutes(10)))
struct BackupTests {
    private static let path = "/api/v1/backups"

    /// Asks until it is no longer running.
    private func ended(_ id: String, of key: String, _ server: TestServer) async throws -> JSONValue {
        try await ended(key, server) { backups in backups.first { $0["id"]?.string == id } }
    }

    private func ended(
        _ key: String, _ server: TestServer, _ find: ([JSONValue]) -> JSONValue?
    ) async throws -> JSONValue {
        var found: JSONValue = .null
        for _ in 0..<3_000 {
            let list = try await server.send(.get, Self.path, key: key)
            found = try #require(find(list["data"]?.array ?? []), "\(list)")
            if found["status"] != "running" { break }
            let progress = try #require(found["progress"]?.integer)
            #expect((0...99).contains(progress), "\(found)")
            try await Task.sleep(for: .milliseconds(20))
        }
        return found
    }

    private func make(_ key: String, _ server: TestServer) async throws -> String {
        let answer = try await server.send(.post, Self.path, key: key, [:])
        try #require(answer.status == 202 && answer["data"]?["status"] == "running", "\(answer)")
        let id = try #require(answer["data"]?["id"]?.string)
        let backup = try await ended(id, of: key, server)
        try #require(backup["status"] == "completed", "\(backup)")
        return id
    }

    /// Restores and returns how that ended.
    private func restore(_ id: String, _ key: String, _ server: TestServer) async throws -> JSONValue {
        let answer = try await server.send(.post, "\(Self.path)/\(id)/restore", key: key, [:])
        try #require(answer.status == 202 && answer["data"]?["status"] == "running", "\(answer)")
        let restore = try #require(answer["data"]?["id"]?.string)
        return try await ended(key, server) { backups in
            backups.first { $0["id"]?.string == id }?["restores"]?.array?.first { $0["id"]?.string == restore }
        }
    }

    @Test("a backup is made in the background, verified, shown, listed and deleted with its files; nobody else sees it")
    func life() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let stranger = try await server.signUp("other@company.com")
            let id = try await make(key, server)
            let shown = try await server.send(.get, "\(Self.path)/\(id)", key: key)
            let backup = try #require(shown["data"])
            #expect(backup["verified"] == true && backup["progress"] == 100, "\(shown)")
            let numbers = try ["events", "size_bytes"].map { try #require(backup[$0]?.integer) }
            #expect(numbers.allSatisfy { $0 > 0 }, "\(backup)")
            #expect(backup["root"]?.string?.count == 64 && backup["restores"] == [])
            let place = server.server.backups.files.place(of: try #require(BackupID(id)))
            #expect(FileManager.default.fileExists(atPath: place.vault + "/vault.sqlite"))
            let mode = try FileManager.default.attributesOfItem(atPath: place.path)[.posixPermissions] as? Int
            #expect(mode == 0o700)
            for other in [stranger, try await server.issueTestKey(of: key)] {
                for (method, path) in [
                    (HTTPRequest.Method.get, ""), (.delete, ""), (.post, "/restore"),
                ] {
                    let answer = try await server.send(method, "\(Self.path)/\(id)\(path)", key: other)
                    #expect(answer.status == 404 && answer["error"]?["code"] == "NOT_FOUND", "\(answer)")
                }
                #expect(try await server.send(.get, Self.path, key: other)["meta"]?["total"] == 0)
            }
            let deleted = try await server.send(.delete, "\(Self.path)/\(id)", key: key)
            #expect(deleted.status == 200 && deleted["data"]?["status"] == "deleted", "\(deleted)")
            #expect(!FileManager.default.fileExists(atPath: place.path))
            #expect(try await server.send(.get, "\(Self.path)/\(id)", key: key).status == 404)
            let feed = try await server.send(.get, "/v1/events?limit=100", key: key)
            let types = feed["data"]?.array?.compactMap { $0["type"]?.string } ?? []
            for type in ["backup.started", "backup.ended", "backup.deleted"] {
                #expect(types.contains(type), "\(feed)")
            }
        }
    }

    @Test("a restored directory is a whole server: its customers, keys and e-mails, as they were at the backup")
    func restoredServer() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let id = try await make(key, server)
            let later = try await server.signUp("later@company.com")
            let restored = try await restore(id, key, server)
            #expect(restored["status"] == "completed" && restored["verified"] == true, "\(restored)")
            let directory = try #require(restored["directory"]?.string)
            #expect(directory.hasPrefix("restores/rst_"))
            var configuration = server.server.configuration
            configuration.dataDirectory += "/" + directory
            let second = try await Server.start(
                configuration: configuration, surroundings: Surroundings(), logger: TestServer.quiet)
            let customer = try #require(second.ledger.read { $0.customerIDs.first })
            #expect(second.ledger.read { $0.customerIDs.count } == 1, "who signed up later is not there")
            #expect(try await second.vault.customerID(forEmail: "you@company.com") == customer.text)
            #expect(try await second.vault.customerID(forEmail: "later@company.com") == nil)
            #expect(second.log.origin == server.server.log.origin)
            try await second.stop()
            #expect(try await server.send(.get, "/v1/customers/me", key: later).status == 200, "the first goes on")
        }
    }

    @Test("an erased customer's key is gone from every copy, backups and restored directories alike")
    func erasure() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let (_, other) = try await server.signUpOwner("erased@company.com")
            let id = try await make(key, server)
            let restored = try await restore(id, key, server)
            let backup = server.server.backups.files.place(of: try #require(BackupID(id)))
            let data = server.server.configuration.dataDirectory
            let copies = [backup.vault, data + "/" + (try #require(restored["directory"]?.string)) + "/vault"]
            func knows(_ directory: String, _ email: String) async throws -> Bool {
                let vault = try Vault.open(directory: directory)
                let found = try await vault.customerID(forEmail: email)
                try await vault.close()
                return found != nil
            }
            for copy in copies { #expect(try await knows(copy, "erased@company.com"), "\(copy)") }
            let account = try await server.send(.get, "/v1/customers/me", key: other)
            let confirm = try #require(account["customer_id"])
            let erased = try await server.send(.delete, "/v1/customers/me", key: other, ["confirm": confirm])
            #expect(erased.status == 200, "\(erased)")
            for copy in copies {
                #expect(try await !knows(copy, "erased@company.com"), "\(copy)")
                #expect(try await knows(copy, "you@company.com"), "\(copy)")
            }
        }
    }

    @Test("a damaged backup is not restored, and the next one, which shares its files, is whole and leaves it as it is")
    func damaged() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let first = try await make(key, server)
            let files = server.server.backups.files
            let log = files.place(of: try #require(BackupID(first))).log
            let name = try #require(
                FileManager.default.contentsOfDirectory(atPath: log).first { $0.hasSuffix(".jsonl.lz4") })
            var bytes = Array(try Data(contentsOf: URL(filePath: log + "/" + name)))
            bytes[bytes.count / 2] ^= 1
            let handle = try FileHandle(forWritingTo: URL(filePath: log + "/" + name))
            try handle.write(contentsOf: Data(bytes))
            try handle.close()
            let refused = try await restore(first, key, server)
            #expect(refused["status"] == "failed" && refused["error"] == "damaged", "\(refused)")
            let left = server.server.configuration.dataDirectory + "/" + (try #require(refused["directory"]?.string))
            #expect(!FileManager.default.fileExists(atPath: left))
            let second = try await make(key, server)
            #expect(try await restore(second, key, server)["status"] == "completed")
            #expect(Array(try Data(contentsOf: URL(filePath: log + "/" + name))) == bytes, "the older one is as it was")
        }
    }

    @Test("what a dead server was making has failed at the next start, and nothing of it is left")
    func interrupted() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let done = try await make(key, server)
            let caller = try await server.principal(key)
            var generator = SystemRandomNumberGenerator()
            let (id, restoreID) = (BackupID(using: &generator), RestoreID(using: &generator))
            let ledger = server.server.ledger
            _ = try await ledger.perform(.startBackup(StartBackup(backupID: id)), as: caller.actor, trace: "test")
            let restore = StartRestore(backupID: try #require(BackupID(done)), restoreID: restoreID)
            _ = try await ledger.perform(.startRestore(restore), as: caller.actor, trace: "test")
            let files = server.server.backups.files
            try files.make(files.place(of: id))
            try files.make(files.place(of: restoreID))
            let nobodys = files.place(of: BackupID(using: &generator))
            try files.make(nobodys)
            try await server.server.backups.resume(trace: "test")
            let backup = try await ended(id.text, of: key, server)
            #expect(backup["status"] == "failed" && backup["error"] == "interrupted", "\(backup)")
            let other = try await ended(done, of: key, server)
            #expect(other["restores"]?.array?.first?["error"] == "interrupted", "\(other)")
            for path in [files.place(of: id).path, files.place(of: restoreID).path, nobodys.path] {
                #expect(!FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test("a repeat with the same idempotency key is the first answer and no second backup")
    func idempotency() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let headers = [("Idempotency-Key", "once")]
            let first = try await server.send(.post, Self.path, key: key, headers: headers, bytes: Array("{}".utf8))
            let second = try await server.send(.post, Self.path, key: key, headers: headers, bytes: Array("{}".utf8))
            #expect(first.status == 202 && first.body == second.body, "\(second)")
            _ = try await ended(try #require(first["data"]?["id"]?.string), of: key, server)
            #expect(try await server.send(.get, Self.path, key: key)["meta"]?["total"] == 1)
        }
    }
}
