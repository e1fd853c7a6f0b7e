import CanonicalJSON
import HTTPTypes
import Ledger
import ServerFixtures
import Testing

@testable import API

/// The API document against the route table, and against what the server answers.
@Suite("The API document")
struct APIDocumentTests {
    @Test("every route is described, every description has a route, and both say the same")
    func documentAndRouteTableAgree() async throws {
        try await TestServer.with { server in
            let document = APIDocument(routes: server.server.routes)
            #expect(document.disagreements == [])
            let served = try await server.send(.get, "/openapi.json")
            #expect(served.status == 200)
            #expect(served.headers["content-type"] == "application/json")
            let operations = Self.operations(of: served.json)
            #expect(operations.count == server.server.routes.count)
            for route in server.server.routes {
                let operation = try #require(operations[Self.name(of: route)], "\(route.tableName)")
                try Self.compare(operation, with: route)
            }
        }
    }

    /// What the route declares must stand in the document that clients read.
    private static func compare(_ operation: JSONValue, with route: Route) throws {
        let name = Comment(rawValue: route.tableName)
        let security = try #require(operation["security"]?.array, name)
        let bearer = security.compactMap { $0["bearer"]?.array?.compactMap(\.string) }
        let statuses = Set(try #require(operation["responses"]?.object, name).names)
        switch route.access {
        case .public: #expect(security.isEmpty, name)
        case .key(let permissions):
            #expect(bearer == [permissions.names], name)
            #expect(operation["x-permissions"]?.array?.compactMap(\.string) == permissions.names, name)
            #expect(statuses.isSuperset(of: ["401", "403", "429"]), name)
        case .optionalKey(let permissions):
            #expect(bearer == [permissions.names] && security.contains { $0.object?.names == [] }, name)
        case .member: #expect(bearer == [[]] && statuses.isSuperset(of: ["401", "403"]), name)
        case .operator: Issue.record("\(route.tableName) is the operator's and not to be documented")
        }
        if operation["requestBody"] != nil, !route.streamsBody {
            #expect(operation["x-body-bytes-max"]?.integer == Int64(route.bodyBytesMax), name)
        }
        if let rule = route.addressLimit {
            #expect(operation["x-requests-per-minute-per-address"]?.integer == Int64(rule.limit.requests), name)
        }
        let headers = (operation["parameters"]?.array ?? []).filter { $0["in"] == "header" }.map { $0["name"]?.string }
        let heedsKeys = route.idempotency.map { $0 != .notNeeded } ?? false
        #expect(headers.contains("Idempotency-Key") == heedsKeys, name)
        let types = Set(
            (operation["responses"]?.object?.members ?? []).filter { $0.name.hasPrefix("2") }
                .flatMap { $0.value["content"]?.object?.names ?? [] })
        #expect(types.isSubset(of: route.produces + ["application/jwk-set+json"]), "\(route.tableName): \(types)")
    }

    @Test("every path parameter is described, every id of an operation is its own, every tag and dialect is there")
    func everyOperationIsWhole() async throws {
        try await TestServer.with { server in
            let document = APIDocument(routes: server.server.routes)
            let ids = document.operations.map(\.description.id)
            #expect(Set(ids).count == ids.count)
            let tags = Set(document.json["tags"]?.array?.compactMap { $0["name"]?.string } ?? [])
            for operation in document.operations {
                let captured = operation.route.path.split(separator: "/").filter { $0.hasPrefix(":") || $0 == "**" }
                let described = operation.description.parameters.filter { $0.place == .path }
                #expect(described.count == captured.count, "\(operation.route.tableName)")
                for parameter in described {
                    #expect(operation.path.contains("{\(parameter.name)}"), "\(operation.route.tableName)")
                }
                #expect(tags.contains(operation.family.tag))
                #expect(Dialect.speaking(at: operation.route.path).name == operation.family.dialect.name)
                // What a dialect names and this system does not do is refused, always.
                #expect(!operation.description.answers.isEmpty || !operation.description.errors.isEmpty)
            }
            for dialect in [Dialect.native] + Dialect.guests {
                #expect(DialectDescription.of(dialect) != nil, "\(dialect.name) has no description of its errors")
            }
        }
    }

    @Test("what every kind of caller gets from every route is a status that the document names")
    func answersAreDocumented() async throws {
        try await TestServer.with { server in
            let (key, things) = try await RouteTableTests.populate(server)
            let stranger = try await server.signUp("somebody@else.com")
            let testKey = try await server.issueTestKey(of: key)
            let json = try await server.send(.get, "/openapi.json").json
            let operations = Self.operations(of: json)
            let routes = Dictionary(
                uniqueKeysWithValues: server.server.routes.map { ($0.tableName, Self.name(of: $0)) })
            for (name, row) in RouteTableTests.rows(things).sorted(by: { $0.key < $1.key }) {
                let operation = try #require(routes[name].flatMap { operations[$0] }, "\(name)")
                let documented = Set(operation["responses"]?.object?.names ?? [])
                for header in [nil, "Bearer nonsense", "Bearer \(stranger)", "Bearer \(testKey)", "Bearer \(key)"] {
                    let answer = try await server.ask(name, row, header: header)
                    #expect(documented.contains(String(answer.status)), "\(name): \(answer)")
                }
            }
        }
    }

    @Test("an error says where it is explained, and the page explains every code")
    func errorsLinkToThePage() async throws {
        try await TestServer.with { server in
            let page = try await server.send(.get, "/docs").text
            for (path, code) in [
                ("/v1/nothing", "NotFound"), ("/v1/sessions", "Unauthorized"), ("/lookup/x", "NotFound"),
            ] {
                let answer = try await server.send(.get, path)
                #expect(answer.headers["link"] == "</docs#error-\(code)>; rel=\"help\"", "\(path): \(answer)")
            }
            for entry in ErrorCatalogue.entries {
                #expect(page.contains("id=\"\(entry.anchor)\""), "\(entry.code)")
            }
        }
    }

    @Test(
        "the page names every operation, loads nothing, runs nothing, and its policy allows nothing but its own style")
    func pageStandsAlone() async throws {
        try await TestServer.with { server in
            let answer = try await server.send(.get, "/docs")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "text/html; charset=utf-8")
            let policy = try #require(answer.headers["content-security-policy"])
            #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
            for operation in APIDocument(routes: server.server.routes).operations {
                #expect(answer.text.contains("<article id=\"\(operation.description.id)\">"))
            }
            for banned in ["<script", "<img", "<link", "src=", "@import", "url(", "style=\""] {
                #expect(!answer.text.contains(banned), "\(banned)")
            }
            #expect(try await server.send(.get, "/docs", headers: [("Accept", "application/json")]).status == 406)
        }
    }

    /// `GET /v1/sessions/{id}` → the operation.
    private static func operations(of document: JSONValue) -> [String: JSONValue] {
        var operations: [String: JSONValue] = [:]
        for path in document["paths"]?.object?.members ?? [] {
            for method in path.value.object?.members ?? [] {
                operations["\(method.name.uppercased()) \(Self.anonymous(path.name))"] = method.value
            }
        }
        return operations
    }

    /// Method and path, whatever its parameters are called.
    private static func name(of route: Route) -> String { "\(route.method.rawValue) \(anonymous(route.path))" }

    private static func anonymous(_ path: String) -> String {
        path.split(separator: "/").map { segment in
            segment.hasPrefix(":") || segment.hasPrefix("{") || segment == "**" ? "*" : String(segment)
        }.joined(separator: "/")
    }
}
