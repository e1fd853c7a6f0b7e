import CanonicalJSON
import HTTPTypes
import ServerFixtures
import Testing

@testable import API

/// Whatever is sent, the answer is in the error format and nothing has changed.
@Suite("Bad input", .serialized, .timeLimit(.minutes(10)))
struct BadInputTests {
    /// Bodies that no route takes.
    static let brokenBodies: [(name: String, bytes: [UInt8])] = [
        ("not JSON", Array("email=you@company.com".utf8)),
        ("cut off", Array(#"{"email":"you@compa"#.utf8)),
        ("something after it", Array(#"{} {}"#.utf8)),
        ("an array", Array("[]".utf8)),
        ("a number", Array("1".utf8)),
        ("null", Array("null".utf8)),
        ("a duplicate member", Array(#"{"email":"a@b.com","email":"b@b.com","name":"a","name":"b"}"#.utf8)),
        ("a duplicate member in depth", Array(#"{"x":[{"a":1,"a":2}]}"#.utf8)),
        ("a lone surrogate", Array(#"{"email":"\ud800"}"#.utf8)),
        ("bad UTF-8", Array(#"{"email":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)),
        ("a byte order mark", [0xEF, 0xBB, 0xBF] + Array("{}".utf8)),
        ("a raw control character", Array("{\"email\":\"a\u{1}\"}".utf8)),
        ("a NUL", [0]),
        ("deep nesting", Array((String(repeating: "[", count: 5_000) + String(repeating: "]", count: 5_000)).utf8)),
        ("deep nesting in a member", Array("{\"x\":\(String(repeating: "[", count: 5_000))".utf8)),
        ("a number that no double holds", Array(#"{"timeout":1e999}"#.utf8)),
        ("not a number", Array(#"{"timeout":NaN}"#.utf8)),
        ("a comment", Array(#"{/* */}"#.utf8)),
    ]

    @Test("a body that is not one strict JSON object is a 400 in the error format on every route that reads one")
    func brokenBodies() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let session = try await server.recordLiveSession(of: key)
            let paths = ["/v1/signup", "/v1/sessions", "/v1/api-keys", "/v1/sessions/\(session)/exec", "/v1/verify"]
            for path in paths {
                // A key of its own each, so that no block of requests is used up on the way.
                let key = try await server.issueKey(key, ["name": "one"]).text
                _ = try await server.send(.get, "/v1/customers/me", key: key)
                try await server.expectStillness {
                    for (name, bytes) in Self.brokenBodies {
                        let answer = try await server.send(.post, path, key: key, bytes: bytes)
                        #expect(answer.status == 400, "\(path) with \(name): \(answer)")
                        Self.expectErrorFormat(answer, "\(path) with \(name)")
                    }
                }
            }
        }
    }

    @Test("a member of the wrong type or out of range is a 400 that names it")
    func wrongTypes() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let session = try await server.recordLiveSession(of: key)
            let exec = "/v1/sessions/\(session)/exec"
            let cases: [(path: String, body: String, field: String)] = [
                ("/v1/signup", #"{}"#, "email"),
                ("/v1/signup", #"{"email":1}"#, "email"),
                ("/v1/signup", #"{"email":null}"#, "email"),
                ("/v1/signup", #"{"email":["a@b.com"]}"#, "email"),
                ("/v1/signup", #"{"email":"x@y.com","jurisdiction":7}"#, "jurisdiction"),
                ("/v1/signup", #"{"email":"x@y.com","jurisdiction":"us"}"#, "jurisdiction"),
                ("/v1/sessions", #"{"data_classification":"phi"}"#, "data_classification"),
                ("/v1/sessions", #"{"data_classification":[]}"#, "data_classification"),
                ("/v1/sessions", #"{"ttl_seconds":1.5}"#, "ttl_seconds"),
                ("/v1/sessions", #"{"ttl_seconds":"60"}"#, "ttl_seconds"),
                ("/v1/api-keys", #"{}"#, "name"),
                ("/v1/api-keys", #"{"name":""}"#, "name"),
                ("/v1/api-keys", #"{"name":"a\nb"}"#, "name"),
                ("/v1/api-keys", "{\"name\":\"\(String(repeating: "a", count: 101))\"}", "name"),
                ("/v1/api-keys", #"{"name":"a","permissions":"all"}"#, "permissions"),
                ("/v1/api-keys", #"{"name":"a","permissions":["sessions:own"]}"#, "permissions"),
                ("/v1/api-keys", #"{"name":"a","permissions":[1]}"#, "permissions[0]"),
                ("/v1/api-keys", #"{"name":"a","expires_at":"tomorrow"}"#, "expires_at"),
                ("/v1/api-keys", #"{"name":"a","expires_at":"2026-02-30T00:00:00Z"}"#, "expires_at"),
                ("/v1/api-keys", #"{"name":"a","expires_at":"2020-01-01T00:00:00Z"}"#, "expires_at"),
                (exec, #"{}"#, "command"),
                (exec, #"{"command":""}"#, "command"),
                (exec, #"{"command":[]}"#, "command"),
                (exec, #"{"command":[""]}"#, "command"),
                (exec, #"{"command":["ls",1]}"#, "command[1]"),
                (exec, #"{"command":{}}"#, "command"),
                (exec, #"{"command":"true\u0000"}"#, "command"),
                (exec, #"{"command":["echo","a\u0000b"]}"#, "command"),
                (exec, #"{"command":"true","timeout":0}"#, "timeout"),
                (exec, #"{"command":"true","timeout":"1"}"#, "timeout"),
                (exec, #"{"command":"true","timeout":9007199254740991}"#, "timeout"),
                (exec, #"{"command":"true","input_data":{}}"#, "input_data"),
                (exec, #"{"command":"true","env":[]}"#, "env"),
                (exec, #"{"command":"true","env":{"A":1}}"#, "env.A"),
                (exec, #"{"command":"true","env":{"A=B":"c"}}"#, "env.A=B"),
                (exec, #"{"command":"true","env":{"A":"b\u0000"}}"#, "env.A"),
                (exec, #"{"command":"true","cwd":"tmp"}"#, "cwd"),
                (exec, #"{"command":"true","cwd":"/workspace/../etc"}"#, "cwd"),
                (exec, "{\"command\":\"\(String(repeating: "a", count: 140_000))\"}", "command"),
            ]
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            try await server.expectStillness {
                for (path, body, field) in cases {
                    let answer = try await server.send(.post, path, key: key, bytes: Array(body.utf8))
                    #expect(answer.status == 400, "\(path) \(body.prefix(80)): \(answer)")
                    #expect(answer["field"]?.string == field, "\(path) \(body.prefix(80)): \(answer)")
                    Self.expectErrorFormat(answer, body)
                }
            }
        }
    }

    @Test("an id that is none, somebody else's or long is a 404 that says nothing of what exists")
    func unknownIDs() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let ids = [
                "sess_", "sess_00000000000000000000000000000000", "SESS_00000000000000000000000000000000", "x", "%00",
                "..%2F..%2Fetc%2Fpasswd", "sess_0000000000000000000000000000000g", String(repeating: "a", count: 4_000),
                "%F0%9F%92%A3", "'%20OR%201=1--", "%ff%fe",
            ]
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            try await server.expectStillness {
                for id in ids {
                    let answers = [
                        try await server.send(.get, "/v1/sessions/\(id)", key: key),
                        try await server.send(.delete, "/v1/sessions/\(id)", key: key),
                        try await server.send(.post, "/v1/sessions/\(id)/exec", key: key, ["command": "true"]),
                        try await server.send(.get, "/v1/proofs/\(id)", key: key),
                        try await server.send(.get, "/v1/api-keys/\(id)", key: key),
                        try await server.send(.delete, "/v1/api-keys/\(id)", key: key),
                    ]
                    for answer in answers {
                        #expect(answer.status == 404, "\(id): \(answer)")
                        Self.expectErrorFormat(answer, id)
                        #expect(!answer.text.contains("passwd"), "the answer repeats what was sent")
                    }
                }
            }
        }
    }

    @Test("a body larger than the route takes is a 413 and one of another type a 415")
    func sizeAndType() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let session = try await server.recordLiveSession(of: key)
            _ = try await server.send(.get, "/v1/customers/me", key: key)
            try await server.expectStillness {
                for (path, limit) in [
                    ("/v1/signup", 16_384), ("/v1/sessions", 16_384), ("/v1/api-keys", 16_384),
                    ("/v1/sessions/\(session)/exec", 16 << 20),
                ] {
                    let answer = try await server.send(
                        .post, path, key: key, bytes: [UInt8](repeating: UInt8(ascii: " "), count: limit + 1))
                    #expect(answer.status == 413, "\(path): \(answer)")
                    #expect(answer["error"] == "ContentTooLarge")
                    Self.expectErrorFormat(answer, path)
                    for type in ["text/plain", "multipart/form-data; boundary=x", "application/xml", ";", "json"] {
                        let answer = try await server.send(
                            .post, path, key: key, headers: [("Content-Type", type)],
                            bytes: Array(#"{"email":"x@y.com","name":"a","command":"true"}"#.utf8))
                        #expect(answer.status == 415, "\(path) as \(type): \(answer)")
                        #expect(answer["error"] == "UnsupportedMediaType")
                    }
                }
            }
        }
    }

    static func expectErrorFormat(
        _ answer: Answer, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer["error"]?.string?.isEmpty == false, "\(what): \(answer)", sourceLocation: sourceLocation)
        #expect(answer["message"]?.string?.isEmpty == false, "\(what): \(answer)", sourceLocation: sourceLocation)
        #expect(
            answer["status"]?.integer == Int64(answer.status), "\(what): \(answer)", sourceLocation: sourceLocation)
        #expect(
            Set(answer.names).isSubset(of: ["error", "message", "status", "field"]), "\(what): \(answer)",
            sourceLocation: sourceLocation)
    }
}
