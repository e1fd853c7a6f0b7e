import ArgumentParser
import CanonicalJSON
import Client
import Foundation

struct SignUpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signup", abstract: "Make an account and keep its first API key.",
        discussion: "With --password somebody can sign in to it as well; the password is asked for.")

    @Argument(help: "Your e-mail address.")
    var email: String

    @Option(help: "Your name, as other members see it.")
    var name: String?

    @Flag(help: "Set a password: typed, or one line of standard input.")
    var password = false

    @OptionGroup var options: CommonOptions

    func run() async throws {
        try await options.finish { client, file in
            let secret = password ? try await SecretInput.read("Password: ") : nil
            return .init(
                try await SignIn(client, keepingIn: file).signUp(email: email, password: secret, name: name))
        }
    }
}

struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Sign in, and keep an API key for this machine.",
        discussion: """
            With an e-mail address the password is asked for (or is one line of standard input), and a key is made. \
            Without one the key itself is asked for, as it was made elsewhere.

            Examples:
              nrx login you@company.com --server https://ledger.example.com
              nrx login < key.txt
            """)

    @Argument(help: "The e-mail address of a member; without it a key is asked for.")
    var email: String?

    @Option(help: "What the key is called in lists.")
    var keyName: String?

    @Option(help: ArgumentHelp("What the key may do: full, execute or read.", valueName: "preset"))
    var permissions: String?

    @OptionGroup var options: CommonOptions

    func run() async throws {
        try await options.finish { client, file in
            let signIn = SignIn(client, keepingIn: file)
            guard let email else { return .init(try await signIn.use(key: try await SecretInput.read("API key: "))) }
            return .init(
                try await signIn.signIn(
                    email: email, password: try await SecretInput.read("Password: "),
                    keyName: keyName ?? "nrx on \(ProcessInfo.processInfo.hostName)",
                    permissions: permissions.map { .string($0) }))
        }
    }
}

struct LogoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "Revoke the key that a sign-in made for this machine, and forget it.")

    @OptionGroup var options: CommonOptions

    func run() async throws {
        try await options.finish { client, file in
            let isRevoked = try await SignIn(client, keepingIn: file).signOut()
            return .init(
                ["revoked": .bool(isRevoked)],
                text: isRevoked ? "The key is revoked and forgotten.\n" : "The key is forgotten.\n")
        }
    }
}

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Show the account: plan, limits, what is used.")

    @OptionGroup var options: CommonOptions

    func run() async throws {
        try await options.finish { client, _ in .init(try await client.json(APIRequest(.get, "/v1/customers/me"))) }
    }
}

struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "Show what was used, day by day.",
        discussion: "Without dates the current cycle; days are in UTC, for example 2026-03-01.")

    @Option(help: ArgumentHelp("First day.", valueName: "day"))
    var from: String?

    @Option(help: ArgumentHelp("Last day.", valueName: "day"))
    var to: String?

    @OptionGroup var options: CommonOptions

    func run() async throws {
        try await options.finish { client, _ in
            var request = APIRequest(.get, "/v1/usage")
            if let from { request.query.append(("from", from)) }
            if let to { request.query.append(("to", to)) }
            let answer = try await client.json(request)
            let columns = ["period", "requests", "sessions", "execs", "compute_seconds", "cdps"]
            return .init(
                answer,
                text: Rendering.table(answer["days"]?.array ?? [], columns: columns) + "\nThis cycle\n"
                    + Rendering.fields(answer["cycle"] ?? .null, indent: "  "))
        }
    }
}
