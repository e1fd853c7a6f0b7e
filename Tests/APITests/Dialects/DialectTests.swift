import CanonicalJSON
import HTTPTypes
import Ledger
import Proofs
import ServerFixtures
import Testing

@testable import API

@Suite("Dialects", .serialized, .timeLimit(.minutes(10)))
struct DialectTests {
    @Test("a path belongs to one dialect, whole segments count, and no path is owned twice")
    func paths() {
        #expect(Dialect.speaking(at: "/v1/sessions").name == "nanorix")
        #expect(Dialect.speaking(at: "/api/developers/keys").name == "nanda")
        #expect(Dialect.speaking(at: "/search").name == "nanda")
        #expect(Dialect.speaking(at: "/searching").name == "nanorix")
        #expect(Dialect.speaking(at: "/api/users/me/api-keys/x/y").name == "nexora")
        #expect(Dialect.speaking(at: "/api").name == "nanorix")
        #expect(Dialect.speaking(at: "/").name == "nanorix")
        let owned = Dialect.guests.flatMap(\.paths)
        #expect(owned.count == Set(owned).count)
    }

    /// Where everybody looks for what these answer.
    private static let everybodys = ["/.well-known/jwks.json", "/openapi.json", "/docs", "/verify"]

    @Test("every path of a guest has routes, and every route outside /v1 speaks a guest's dialect")
    func everyPathIsUsed() async throws {
        try await TestServer.with { server in
            let paths = server.server.routes.map(\.path)
            for own in Dialect.guests.flatMap(\.paths) {
                #expect(paths.contains { $0 == own || $0.hasPrefix(own + "/") }, "\(own) has no route")
            }
            for path in paths where !path.hasPrefix("/v1/") && !Self.everybodys.contains(path) {
                #expect(Dialect.speaking(at: path).name != "nanorix", "\(path)")
            }
        }
    }

    @Test("errors before any route, of the method and of the key come in the path's envelope")
    func envelopes() async throws {
        try await TestServer.with { server in
            for (method, tail, status) in [(.get, "/", 401), (.patch, "", 405), (.get, "", 401), (.post, "", 401)]
                as [(HTTPRequest.Method, String, Int)]
            {
                let nanda = try await server.send(method, "/api/developers/keys" + tail)
                #expect(nanda.status == status, "\(nanda)")
                #expect(nanda.names == ["error", "message"], "\(nanda)")
                let nexora = try await server.send(method, "/api/users/me/api-keys" + tail)
                #expect(nexora.status == status, "\(nexora)")
                #expect(nexora.names == ["detail"], "\(nexora)")
                #expect(nexora["detail"]?.string?.isEmpty == false)
            }
            #expect(try await server.send(.get, "/api/developers").names == ["error", "message"])
            #expect(try await server.send(.get, "/api/users").names == ["detail"])
            #expect(try await server.send(.get, "/api/nothing").names == ["error", "message", "status"])
        }
    }

    @Test("a key of any dialect works in every dialect, and is seen in its own list and in the native one")
    func oneSetOfKeys() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner()
            let nexora = try await server.send(.post, "/api/users/me/api-keys", key: key, ["name": "n"])
            let nanda = try await server.send(.post, "/api/developers/keys", key: key, ["name": "d"])
            let texts = [
                try #require(nexora["key"]?.string, "\(nexora)"),
                try #require(nanda["key"]?["raw_key"]?.string, "\(nanda)"), key,
            ]
            for text in texts {
                for path in ["/api/users/me/api-keys", "/api/developers/keys", "/v1/api-keys", "/api/agents"] {
                    let answer = try await server.send(.get, path, key: text)
                    #expect(answer.status == 200, "\(path): \(answer)")
                }
            }
            let all = try await server.send(.get, "/v1/api-keys", key: key)
            #expect(all["data"]?.array?.count == 3)
            #expect(try await server.send(.get, "/api/users/me/api-keys", key: key).json.array?.count == 1)
            #expect(try await server.send(.get, "/api/developers/keys", key: key)["keys"]?.array?.count == 1)
        }
    }

    @Test("an id is a UUID and back, in either case, and nothing else is one")
    func uuids() throws {
        let id = try #require(KeyID("key_0123456789abcdef0123456789abcdef"))
        #expect(id.uuidText == "01234567-89ab-cdef-0123-456789abcdef")
        #expect(KeyID.uuid(id.uuidText) == id)
        #expect(KeyID.uuid(id.uuidText.uppercased()) == id)
        for wrong in [
            "", "01234567-89ab-cdef-0123-456789abcde", "0123456789abcdef0123456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdeg", "01234567-89ab-cdef-0123-456789abcdéf",
            "{01234567-89ab-cdef-0123-456789abcdef}", "0-1-2-3-4",
        ] { #expect(KeyID.uuid(wrong) == nil, "\(wrong)") }
    }
}
