import CanonicalJSON
import HTTPTypes
import Proofs
import ServerFixtures
import Testing

@testable import API

/// The registry of agents, as NANDA's clients use it.
@Suite("The NANDA page: agents", .serialized, .timeLimit(.minutes(10)))
struct NandaAgentTests {
    private func register(
        _ server: TestServer, _ name: String, key: String?, _ more: [String: JSONValue] = [:]
    ) async throws -> Answer {
        var body = JSONObject()
        body["agent_id"] = .string(name)
        body["agent_url"] = .string("https://\(name).example.com")
        for (name, value) in more { body[name] = value }
        return try await server.send(.post, "/register", key: key, .object(body))
    }

    @Test("a life: register, look up, change, status, delete; each answer as its clients know it")
    func life() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let registered = try await register(
                server, "my-agent", key: key,
                ["capabilities": ["chat"], "tags": ["eu"], "api_url": "https://api.example.com", "version": "1.0"])
            #expect(registered.status == 200, "\(registered)")
            #expect(registered["status"] == "success")
            #expect(registered["message"] == "Agent my-agent registered")
            let found = try await server.send(.get, "/lookup/my-agent")
            #expect(found["agent_id"] == "my-agent")
            #expect(found["agent_url"] == "https://my-agent.example.com")
            #expect(found["api_url"] == "https://api.example.com")
            #expect(found["status"] == "alive")
            let list = try await server.send(.get, "/list")
            #expect(list.json == ["my-agent": "https://my-agent.example.com"])
            server.clock.advance(seconds: 60)
            let status = try await server.send(
                .put, "/agents/my-agent/status", key: key, ["alive": false, "assigned_to": "client-7"])
            #expect(
                status.json == [
                    "status": "updated", "agent_id": "my-agent", "alive": false, "assigned_to": "client-7",
                ])
            let search = try await server.send(.get, "/search?q=agent&capabilities=chat&tags=eu")
            let row = try #require(search.json.array?.first?.object)
            for name in [
                "agent_id", "agent_url", "api_url", "alive", "assigned_to", "last_update", "capabilities", "tags",
            ] { #expect(row[name] != nil, "\(name)") }
            #expect(row["alive"] == false)
            #expect(row["last_update"] == "2026-03-01T14:01:00Z")
            #expect(
                try await server.send(.get, "/stats").json == [
                    "total_agents": 1, "alive_agents": 0, "total_clients": 1,
                ])
            let deleted = try await server.send(.delete, "/agents/my-agent", key: key)
            #expect(deleted.json == ["status": "deleted", "agent_id": "my-agent"])
            let gone = try await server.send(.get, "/lookup/my-agent")
            #expect(gone.status == 404)
            #expect(gone["error"] == "Not Found")
            #expect(try await server.send(.get, "/stats")["total_agents"] == 0)
        }
    }

    @Test("\"Read endpoints are open\": no key, any origin, HEAD too; \"write endpoints\" without one are 401")
    func openReads() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await register(server, "a", key: key)
            _ = try await server.send(.put, "/agentfacts/a", key: key, ["label": "A"])
            for path in ["/list", "/search", "/lookup/a", "/agentfacts/a", "/stats", "/reputation"] {
                let answer = try await server.send(.get, path, headers: [("Origin", "https://any.example")])
                #expect(answer.status == 200, "\(path): \(answer)")
                #expect(answer.headers["access-control-allow-origin"] == "*", "\(path)")
                #expect(try await server.send(.head, path).status == 200, "\(path)")
            }
            // No sandbox in this test, which /health says.
            #expect(try await server.send(.get, "/health")["status"] == "degraded")
            for (method, path) in [
                (.post, "/register"), (.put, "/agentfacts/a"), (.put, "/agents/a/status"), (.delete, "/agents/a"),
            ] as [(HTTPRequest.Method, String)] {
                #expect(try await server.send(method, path, [:]).status == 401, "\(path)")
            }
        }
    }

    @Test("--nanda-keys optional: keys are accepted but not required, a wrong one is refused, owned agents stay owned")
    func transition() async throws {
        try await TestServer.with(configure: { $0.nandaKeys = .optional }) { server in
            let key = try await server.signUp()
            #expect(try await register(server, "nobodys", key: nil).status == 200)
            #expect(try await register(server, "owned", key: key).status == 200)
            #expect(try await register(server, "x", key: "nanda_wrong").status == 401)
            #expect(try await register(server, "owned", key: nil).status == 403)
            #expect(try await server.send(.delete, "/agents/owned").status == 403)
            #expect(try await server.send(.put, "/agentfacts/nobodys", ["label": "N"]).status == 200)
            #expect(try await register(server, "nobodys", key: key)["message"] == "Agent nobodys updated")
            #expect(try await server.send(.delete, "/agents/nobodys").status == 403, "claimed by a key")
            let readOnly = try await server.issueKey(key, ["name": "r", "permissions": ["agents:read"]])
            #expect(try await register(server, "y", key: readOnly.text).status == 403, "a key acts as itself")
        }
    }

    @Test("an agent belongs to the customer whose key registered it: others get 403, test keys too")
    func owners() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let stranger = try await server.signUp("other@company.com")
            _ = try await register(server, "mine", key: key)
            for answer in [
                try await register(server, "mine", key: stranger),
                try await server.send(.put, "/agentfacts/mine", key: stranger, ["label": "x"]),
                try await server.send(.put, "/agents/mine/status", key: stranger, ["alive": false]),
                try await server.send(.delete, "/agents/mine", key: stranger),
                try await register(server, "new", key: try await server.issueTestKey(of: key)),
            ] {
                #expect(answer.status == 403, "\(answer)")
                #expect(answer.names == ["error", "message"])
            }
            #expect(try await server.send(.get, "/lookup/mine")["alive"] == true)
        }
    }

    @Test("agentfacts: bare members become a credential that this node signs and anyone can check")
    func facts() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let unknown = try await server.send(.put, "/agentfacts/my-agent", key: key, ["label": "x"])
            #expect(unknown.status == 404, "\"the agent must be registered first\"")
            _ = try await register(server, "my-agent", key: key)
            #expect(try await server.send(.get, "/agentfacts/my-agent").status == 404)
            let put = try await server.send(
                .put, "/agentfacts/my-agent", key: key,
                bytes: Array(#"{"label":"My agent","skills":[{"id":"chat"}],"score":0.25}"#.utf8))
            #expect(put.status == 200, "\(put)")
            let got = try await server.send(.get, "/agentfacts/my-agent")
            #expect(got.json == put.json)
            let credential = try #require(got.json.object)
            #expect(credential["type"] == ["VerifiableCredential", "AgentFactsCredential"])
            #expect(credential["credentialSubject"]?["id"] == "did:nanda:my-agent")
            #expect(credential["credentialSubject"]?["score"] == .double(0.25))
            #expect(credential["issuanceDate"] == "2026-03-01T14:00:00Z")
            let signer = try DataIntegrityProof.verify(credential)
            #expect(credential["issuer"]?.string == signer.text)
            // The same key after a restart would be another test; here: the same for every agent.
            _ = try await register(server, "other", key: key)
            let other = try await server.send(.put, "/agentfacts/other", key: key, ["label": "O"])
            #expect(other["issuer"]?.string == signer.text)
        }
    }

    @Test("agentfacts: a whole credential is taken as it is when its proof holds, and refused when anything is off")
    func signedFacts() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await register(server, "my-agent", key: key)
            _ = try await register(server, "other", key: key)
            let signed = try await server.send(.put, "/agentfacts/my-agent", key: key, ["label": "x"])
            let credential = try #require(signed.json.object)
            let again = try await server.send(.put, "/agentfacts/my-agent", key: key, signed.json)
            #expect(again.status == 200)
            #expect(again.json == signed.json)
            func refused(_ path: String, _ change: (inout JSONObject) -> Void) async throws -> String? {
                var changed = credential
                change(&changed)
                let answer = try await server.send(.put, path, key: key, .object(changed))
                #expect(answer.status == 400, "\(answer)")
                return answer["field"]?.string
            }
            let path = "/agentfacts/my-agent"
            #expect(try await refused(path) { $0["proof"] = nil } == "proof")
            #expect(try await refused(path) { $0["issuanceDate"] = "2020-01-01T00:00:00Z" } == "proof.proofValue")
            #expect(try await refused(path) { $0["issuer"] = "did:key:z6Mkx" } == "proof.proofValue")
            #expect(try await refused(path) { $0["type"] = ["VerifiableCredential"] } == "type")
            #expect(try await refused("/agentfacts/other") { _ in } == "credentialSubject.id")
            #expect(try await refused(path) { $0["@context"] = "https://example.com" } == "@context")
            let twice = try await server.send(
                .put, path, key: key, bytes: Array(#"{"label":"a","label":"b"}"#.utf8))
            #expect(twice.status == 400, "strict JSON: no member twice")
            for body in ["", "{}", "[]", "{"] {
                let answer = try await server.send(.put, path, key: key, bytes: Array(body.utf8))
                #expect(answer.status == 400, "\(body): \(answer)")
            }
            let large = try await server.send(
                .put, path, key: key, ["label": .string(String(repeating: "a", count: 66_000))])
            #expect(large.status == 400, "\(large)")
            #expect(try await server.send(.get, path).json == signed.json, "what was refused changed nothing")
        }
    }

    @Test("reputation is null with the reason where nothing was measured; never a number that nobody measured")
    func reputation() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            _ = try await register(server, "a", key: key)
            let one = try await server.send(.get, "/reputation?agent_id=a")
            #expect(one["reputation"] == .null)
            #expect(one["measurements"] == 0)
            #expect(one["reason"]?.string?.isEmpty == false)
            #expect(try await server.send(.get, "/reputation?agent_id=b").status == 404)
            #expect(try await server.send(.get, "/reputation").json.array?.count == 1)
        }
    }

    @Test("list and search come in pages that Link announces; a wrong limit or cursor is a 400")
    func pages() async throws {
        try await TestServer.with { server in
            let (_, key) = try await server.signUpOwner()
            for index in 0..<5 { _ = try await register(server, "agent-\(index)", key: key, ["tags": ["a b"]]) }
            var path = "/list?limit=2"
            var names: [String] = []
            while true {
                let page = try await server.send(.get, path)
                names += page.names
                guard let link = page.headers["link"] else { break }
                path = String(link.dropFirst().prefix { $0 != ">" })
            }
            #expect(names == (0..<5).map { "agent-\($0)" })
            path = "/search?tags=a%20b&limit=2"
            names = []
            while true {
                let page = try await server.send(.get, path)
                names += page.json.array?.compactMap { $0["agent_id"]?.string } ?? []
                guard let link = page.headers["link"] else { break }
                path = String(link.dropFirst().prefix { $0 != ">" })
            }
            #expect(names == (0..<5).reversed().map { "agent-\($0)" })
            for wrong in ["/list?limit=0", "/list?limit=1001", "/search?limit=x", "/search?starting_after=nobody"] {
                #expect(try await server.send(.get, wrong).status == 400, "\(wrong)")
            }
        }
    }

    @Test("a plan's number of agents is a 409 in NANDA's envelope that says what to do")
    func cap() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            for index in 0..<25 { #expect(try await register(server, "agent-\(index)", key: key).status == 200) }
            let refused = try await register(server, "one-more", key: key)
            #expect(refused.status == 409, "\(refused)")
            #expect(refused.names == ["error", "message"] && refused["error"] == "Conflict")
            #expect(refused["message"]?.string?.contains("25") == true)
            #expect(try await register(server, "agent-3", key: key).status == 200)
            #expect(try await server.send(.delete, "/agents/agent-3", key: key).status == 200)
            #expect(try await register(server, "one-more", key: key).status == 200)
        }
    }

    @Test("agents go with the account that registered them")
    func erasure() async throws {
        try await TestServer.with { server in
            let (customer, key) = try await server.signUpOwner()
            _ = try await register(server, "a", key: key)
            _ = try await register(server, "kept", key: try await server.signUp("other@company.com"))
            let erased = try await server.send(
                .delete, "/v1/customers/me", key: key, ["confirm": .string(customer)])
            #expect(erased.status == 200, "\(erased)")
            #expect(try await server.send(.get, "/lookup/a").status == 404)
            #expect(try await server.send(.get, "/list").names == ["kept"])
            #expect(try await server.send(.get, "/stats")["total_agents"] == 1)
        }
    }

    @Test("a repeated registration with an Idempotency-Key gets the first answer, and registers nothing again")
    func idempotency() async throws {
        try await TestServer.with { server in
            let key = try await server.signUp()
            let body = Array(#"{"agent_id":"a","agent_url":"https://a.example"}"#.utf8)
            let headers = [("Idempotency-Key", "3f6c0000-0000-4000-8000-00000000000a")]
            let first = try await server.send(.post, "/register", key: key, headers: headers, bytes: body)
            let second = try await server.send(.post, "/register", key: key, headers: headers, bytes: body)
            #expect(first.status == 200 && first.body == second.body, "\(first) \(second)")
            let feed = try await server.send(.get, "/v1/events?limit=100", key: key)
            let types = feed["data"]?.array?.compactMap { $0["type"]?.string } ?? []
            #expect(types.filter { $0.hasPrefix("agent.") } == ["agent.registered"])
        }
    }
}
