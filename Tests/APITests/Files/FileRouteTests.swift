import HummingbirdTesting
import CanonicalJSON
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

@Suite("Files of a session over HTTP", .serialized, .timeLimit(.minutes(10)), .enabled(if: Isolation.isAvailable))
struct FileRouteTests {
    @Test("what is put in is there for commands, listed, got back byte for byte, and gone when deleted")
    func roundTrip() async throws {
        try await TestServer.with(isolating: true, .live) { server in
            let key = try await server.signUp()
            let files = "/v1/sessions/\(try await server.createSession(key))/files"
            let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let put = try await server.upload(bytes, to: files + "/data/r%C3%A9sum%C3%A9%20%231.bin", key: key)
            #expect(put.status == 201, "\(put)")
            #expect(put["size"] == 3_000_000)
            #expect(put["path"] == "data/résumé #1.bin")
            let list = try await server.send(.get, files + "?path=data", key: key)
            let entry = try #require(list["data"]?.array?.first)
            #expect(entry["name"] == "résumé #1.bin")
            #expect(entry["kind"] == "file")
            #expect(entry["size"] == 3_000_000)
            let got = try await server.send(.get, files + "/data/r%C3%A9sum%C3%A9%20%231.bin", key: key)
            #expect(got.status == 200)
            #expect(got.body == bytes)
            #expect(got.headers["content-length"] == "3000000")
            #expect(try await server.send(.delete, files + "/data/r%C3%A9sum%C3%A9%20%231.bin", key: key).status == 200)
            #expect(try await server.send(.get, files + "/data/r%C3%A9sum%C3%A9%20%231.bin", key: key).status == 404)
        }
    }

    @Test("no path leaves the workspace: dots, links and encoded slashes are refused, and nothing is made")
    func noEscape() async throws {
        try await TestServer.with(isolating: true) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            let files = "/v1/sessions/\(session)/files"
            _ = try await server.execute("ln -s /etc/passwd link; ln -s / up; echo x > real", in: session, key: key)
            for path in [
                "/..%2f..%2fetc%2fpasswd", "/%2e%2e/etc/passwd", "/link", "/up/etc/passwd", "/a/%2e%2e/%2e%2e/x",
            ] {
                let get = try await server.send(.get, files + path, key: key)
                #expect([400, 404].contains(get.status), "GET \(path): \(get)")
                let put = try await server.upload(Array("x".utf8), to: files + path, key: key)
                #expect(put.status == 400, "PUT \(path): \(put)")
            }
            #expect(try await server.send(.get, files + "/%ff", key: key).status == 400)
            #expect(try await server.send(.get, files + "/real", key: key).text == "x\n")
        }
    }

    @Test("a file that does not fit is a 413 and leaves nothing of itself; after the session's end files are a 409")
    func tooLarge() async throws {
        try await TestServer.with(isolating: true, .live) { server in
            let key = try await server.signUp()
            let session = try await server.createSession(key)
            let files = "/v1/sessions/\(session)/files"
            let filled = try await server.execute("head -c 120M /dev/zero > ballast", in: session, key: key)
            #expect(filled["exit_code"] == 0, "\(filled)")
            let put = try await server.upload([UInt8](repeating: 7, count: 16 << 20), to: files + "/big", key: key)
            #expect(put.status == 413, "\(put)")
            let names = try await server.send(.get, files, key: key)["data"]?.array?.compactMap { $0["name"]?.string }
            #expect(names?.contains("big") == false)
            _ = try await server.send(.delete, "/v1/sessions/\(session)", key: key)
            #expect(try await server.send(.get, files, key: key).status == 409)
            #expect(try await server.upload([1], to: files + "/late", key: key).status == 409)
        }
    }
}

extension TestServer {
    /// Puts bytes of no particular type.
    func upload(_ bytes: [UInt8], to path: String, key: String) async throws -> Answer {
        try await send(
            .put, path, key: key, headers: [("Content-Type", "application/octet-stream")], bytes: bytes)
    }
}
