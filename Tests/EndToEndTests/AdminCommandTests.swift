import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// `nrx-server admin`, as an operator uses it beside a running server.
@Suite("Administration commands", .serialized, .timeLimit(.minutes(10)))
struct AdminCommandTests {
    private func admin(_ arguments: [String], in directory: TemporaryDirectory) throws -> ProgramResult {
        try BuiltPrograms.run(
            try BuiltPrograms.path("nrx-server"), ["admin"] + arguments + ["--data-dir", directory.path + "/data"])
    }

    private func json(_ arguments: [String], in directory: TemporaryDirectory) throws -> JSONValue {
        let result = try admin(arguments + ["--json"], in: directory)
        try #require(result.status == 0, "\(result.errors)")
        return try JSONReader.read(Array(result.output))
    }

    @Test("create a customer, set its plan, revoke its key: each holds at once and is the operator's event")
    func customers() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        let made = try json(["create-customer", "ops@company.com", "--plan", "starter"], in: directory)
        let (id, key) = (try #require(made["customer_id"]?.string), try #require(made["api_key"]?.string))
        let me = try await server.send("GET", "/v1/customers/me", key: key)
        #expect(me["tier"] == "starter" && me["rate_limit_rpm"] == 120 && me["email"] == "ops@company.com")
        _ = try json(["set-plan", "OPS@company.com", "business"], in: directory)
        #expect(try await server.send("GET", "/v1/customers/me", key: key)["rate_limit_rpm"] == 300)
        let again = try admin(["set-plan", id, "business"], in: directory)
        #expect(again.status == 1 && again.errors.contains("business plan already"), "\(again.errors)")
        let keyID = try #require(
            try await server.send("GET", "/v1/api-keys", key: key)["data"]?.array?.first?["id"]?.string)
        _ = try json(["revoke-key", keyID], in: directory)
        #expect(try await server.send("GET", "/v1/customers/me", key: key).status == 401)
        let listed = try json(["list-customers"], in: directory)
        #expect(listed["data"]?.array?.first?["customer_id"] == .string(id))
        let table = try admin(["list-customers"], in: directory).text
        #expect(table.contains("customer_id\ttier") && table.contains("\(id)\tbusiness\t0"), "\(table)")
        for (arguments, said) in [
            (["set-plan", "nobody@company.com", "free"], "no customer nobody@company.com"),
            (["set-plan", id, "gold"], "must be one of: free, starter, business, enterprise"),
            (["revoke-key", "key_00000000000000000000000000000000"], "not found"),
            (["create-customer", "ops@company.com"], "registered already"),
            (["create-customer", "nonsense"], "valid e-mail"),
            (["issue-reset-token", "ops@company.com"], "Nobody signs in as ops@company.com"),
        ] {
            let result = try admin(arguments, in: directory)
            #expect(result.status == 1 && result.errors.contains(said), "\(arguments): \(result.errors)")
            #expect(result.output.isEmpty)
        }
        #expect(await server.stop() == 0)
    }

    @Test(
        "a reset token opens the door of whoever forgot their password; the ended family of a stolen token stays ended after a restart"
    )
    func signIns() async throws {
        let directory = try TemporaryDirectory()
        var server = try await ServerProcess.start(in: directory)
        func post(_ path: String, _ body: JSONValue) async throws -> Answer {
            try await server.send("POST", path, body)
        }
        func logIn(_ password: String) async throws -> Answer {
            try await post("/v1/auth/login", ["email": "ada@company.com", "password": .string(password)])
        }
        let made = try await post("/v1/signup", ["email": "ada@company.com", "password": "the first password"])
        try #require(made.status == 201, "\(made)")
        let reset = try json(["issue-reset-token", "ada@company.com", "--hours", "1"], in: directory)
        let token = try #require(reset["reset_token"]?.string)
        let set = try await post(
            "/v1/auth/password/reset", ["reset_token": .string(token), "new_password": "the second password"])
        #expect(set.status == 200, "\(set)")
        #expect(try await logIn("the first password").status == 401)
        let (stolen, honest) = (try await logIn("the second password"), try await logIn("the second password"))
        let old = try #require(stolen["refresh_token"]?.string)
        let next = try await post("/v1/auth/refresh", ["refresh_token": .string(old)])
        #expect(try await post("/v1/auth/refresh", ["refresh_token": .string(old)]).status == 401)
        _ = try json(["rotate-token-key"], in: directory)
        await server.kill9()
        server = try await ServerProcess.start(in: directory)
        for name in ["access_token", "refresh_token"] {
            let dead = try #require(next[name]?.string)
            #expect(try await server.send("GET", "/v1/auth/me", key: dead).status == 401)
            #expect(try await post("/v1/auth/refresh", ["refresh_token": .string(dead)]).status == 401)
        }
        let living = try #require(honest["access_token"]?.string)
        #expect(try await server.send("GET", "/v1/auth/me", key: living)["email"] == "ada@company.com")
        #expect(await server.stop() == 0)
    }

    @Test(
        "only the server's user reaches the socket; without a server the command says so; a dead server's socket is no obstacle"
    )
    func socket() async throws {
        let directory = try TemporaryDirectory()
        let nobody = try admin(["list-customers"], in: directory)
        #expect(nobody.status == 1 && nobody.errors.contains("No server answers at"), "\(nobody.errors)")
        let server = try await ServerProcess.start(in: directory)
        func mode(_ path: String) throws -> Int {
            let attributes = try FileManager.default.attributesOfItem(atPath: directory.path + "/data/" + path)
            return try #require(attributes[.posixPermissions] as? NSNumber).intValue
        }
        #expect(try mode("admin") == 0o700)
        #expect(try mode("admin/socket") == 0o600)
        #expect(try await server.send("GET", "/customers").status == 404, "not over the network")
        await server.kill9()
        let dead = try admin(["list-customers"], in: directory)
        #expect(dead.status == 1 && dead.errors.contains("No server answers at"), "\(dead.errors)")
        let next = try await ServerProcess.start(in: directory)
        #expect(try admin(["list-customers"], in: directory).status == 0)
        #expect(await next.stop() == 0)
    }

    @Test(
        "another user is refused by the kernel's word, even with the directory opened wide",
        .enabled(if: geteuid() == 0, "only root can become another user; run the tests as root"))
    func otherUser() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory)
        for (path, mode) in [("", 0o777), ("/data", 0o777), ("/data/admin", 0o777), ("/data/admin/socket", 0o777)] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: directory.path + path)
        }
        let socket = directory.path + "/data/admin/socket"
        let result = try BuiltPrograms.run(
            "/usr/bin/setpriv",
            [
                "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                """
                import socket, sys
                s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
                s.sendall(b"GET /customers HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
                print(s.recv(4096).decode())
                """, socket,
            ])
        #expect(result.text.hasPrefix("HTTP/1.1 403"), "\(result.text) \(result.errors)")
        #expect(await server.stop() == 0)
    }
}
