import API
import ArgumentParser
import CanonicalJSON
import Foundation

/// `nrx-server admin`: what the operator of a running server does, over a socket in its data directory.
struct Admin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Manage customers, plans, keys and passwords of a running server.",
        discussion: """
            Speaks to the server over a socket in its data directory, which only the user who runs it can open. Every
            change is an event of the log, with the actor `operator`.

            EXAMPLE:
              nrx-server admin create-customer you@company.com --plan business
              nrx-server admin issue-reset-token you@company.com --data-dir /var/lib/nrx
            """,
        subcommands: [
            ListCustomers.self, CreateCustomer.self, SetPlan.self, EraseCustomer.self, RevokeKey.self,
            IssueResetToken.self, RotateTokenKey.self, RotateRunningLogKey.self,
        ])
}

/// What every administration command takes.
struct AdminOptions: ParsableArguments {
    @Option(help: "The running server's data directory.") var dataDir: String?
    @Flag(help: "Print the answer as JSON.") var json = false

    /// Sends a command and prints the answer: as JSON, or as one line a member.
    func run(_ method: String, _ route: String, body: JSONValue? = nil, table: [String]? = nil) async throws {
        let client = AdminClient(dataDirectory: dataDir ?? environment("DATA_DIR") ?? "./nrx-data")
        let answer: JSONValue
        do { answer = try await client.send(method, route, body: body) } catch {
            FileHandle.standardError.write(Data("nrx-server admin: \(error)\n".utf8))
            throw ExitCode(1)
        }
        if json {
            print(answer.canonicalText)
        } else if let table {
            Self.printTable(answer.object?["data"]?.array ?? [], table)
        } else {
            for member in answer.object?.members ?? [] { print("\(member.name): \(Self.text(member.value))") }
        }
    }

    private static func printTable(_ rows: [JSONValue], _ columns: [String]) {
        print(columns.joined(separator: "\t"))
        for row in rows {
            print(columns.map { row.object?[$0].map(text) ?? "-" }.joined(separator: "\t"))
        }
    }

    private static func text(_ value: JSONValue) -> String { value.string ?? value.canonicalText }
}

/// `nrx-server admin list-customers`.
struct ListCustomers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List customers, newest first.")

    @OptionGroup var options: AdminOptions
    @Option(help: "How many, 1 to 100.") var limit = 100
    @Option(help: "Go on after this customer's id.") var startingAfter: String?

    func run() async throws {
        let after = startingAfter.map { "&starting_after=\(escaped($0))" } ?? ""
        try await options.run(
            "GET", "/customers?limit=\(limit)\(after)",
            table: ["customer_id", "tier", "members", "created_at", "email"])
    }
}

/// `nrx-server admin create-customer`.
struct CreateCustomer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Create a customer and print its first API key, which is shown only once.")

    @Argument(help: "The customer's e-mail address.") var email: String
    @Option(help: "free, starter, business or enterprise.") var plan = "free"
    @Option(help: "The jurisdiction of the customer's data, for example US or EU.") var jurisdiction: String?
    @OptionGroup var options: AdminOptions

    func run() async throws {
        var body = JSONObject()
        body["email"] = .string(email)
        body["tier"] = .string(plan)
        if let jurisdiction { body["jurisdiction"] = .string(jurisdiction) }
        try await options.run("POST", "/customers", body: .object(body))
    }
}

/// `nrx-server admin set-plan`.
struct SetPlan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put a customer on another plan; holds from the next request.")

    @Argument(help: "The customer's id or e-mail address.") var customer: String
    @Argument(help: "free, starter, business or enterprise.") var plan: String
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run("PUT", "/customers/\(escaped(customer))/plan", body: ["tier": .string(plan)])
    }
}

/// `nrx-server admin erase-customer`.
struct EraseCustomer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Erase a customer for ever: end its sessions, keys and members, and delete its data key.",
        discussion: "The log and every proof still verify. Prints the proofs of the sessions that ended with it.")

    @Argument(help: "The customer's id or e-mail address.") var customer: String
    @Option(help: "The customer's id again, to confirm.") var confirm: String
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run("DELETE", "/customers/\(escaped(customer))", body: ["confirm": .string(confirm)])
    }
}

/// `nrx-server admin revoke-key`.
struct RevokeKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Revoke an API key, for ever; holds from the next request.")

    @Argument(help: "The key's id (key_…).") var id: String
    @OptionGroup var options: AdminOptions

    func run() async throws { try await options.run("DELETE", "/api-keys/\(escaped(id))") }
}

/// `nrx-server admin issue-reset-token`.
struct IssueResetToken: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print a token with which a member can set another password, once.",
        discussion: "The member sends it to POST /v1/auth/password/reset. It replaces an earlier one.")

    @Argument(help: "The member's e-mail address or id (mem_…).") var member: String
    @Option(help: "Hours until it expires, 1 to 168.") var hours = 24
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run(
            "POST", "/reset-tokens",
            body: ["member": .string(member), "expires_in_hours": .integer(Int64(hours))])
    }
}

/// `nrx-server admin rotate-token-key`.
struct RotateTokenKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sign access and refresh tokens with a new key from now on; tokens of the old one stay valid.")

    @OptionGroup var options: AdminOptions

    func run() async throws { try await options.run("POST", "/token-keys") }
}

/// `nrx-server admin rotate-log-key`.
struct RotateRunningLogKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-log-key",
        abstract: "Give the log a new signing key, endorsed by the old one; the next checkpoint is by the new key.",
        discussion: """
            Nothing stops meanwhile. Give the new verifier key to whoever audits this log, and to its witnesses: until a
            witness knows the new key, checkpoints go without its cosignature.
            """)

    @Option(
        help: ArgumentHelp(
            "The log's recovery key from now on: a verifier key or a .pub file (default: the one it has).",
            valueName: "key-or-file"))
    var logRecoveryKey: String?
    @OptionGroup var options: AdminOptions

    func run() async throws {
        var body = JSONObject()
        // Only what is given here: a setting of the server is none of this command's.
        if let logRecoveryKey {
            do throws(ServerError) {
                body["recovery_key"] = .string(try LogRecoveryKey(keyOrFile: logRecoveryKey).text)
            } catch { throw ValidationError("--log-recovery-key: \(error.message)") }
        }
        try await options.run("POST", "/log-keys", body: .object(body))
    }
}

/// `text` as one segment of a path.
private func escaped(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? text
}
