import ArgumentParser
import CanonicalJSON
import Client

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "API keys: list, make, show, rotate, revoke.",
        subcommands: [List.self, Create.self, Show.self, Rotate.self, Revoke.self], defaultSubcommand: List.self)

    static func path(_ id: String) -> String { "/v1/api-keys/\(APIRequest.encoded(id))" }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List keys, newest first, revoked ones included.")
        @OptionGroup var page: PageOptions
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                let answer = try await client.json(APIRequest(.get, "/v1/api-keys", query: page.query))
                return page.shown(
                    answer, columns: ["id", "name", "prefix", "status", "expires_at", "last_used_at"], cursor: "id")
            }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key. Its text is shown this once.",
            discussion:
                "Example: nrx keys create \"nightly job\" --permission sessions:write --permission sessions:exec")

        @Argument(help: "What the key is called in lists.")
        var name: String
        @Option(
            help: ArgumentHelp(
                "full, execute or read; or a permission, several times. Without: all that you may do.",
                valueName: "permission"))
        var permission: [String] = []
        @Option(help: ArgumentHelp("When it ends, for example 2026-12-31T23:59:59Z.", valueName: "time"))
        var expiresAt: String?
        @Option(help: ArgumentHelp("An address or CIDR range that may use it; several times.", valueName: "range"))
        var address: [String] = []
        @Option(help: ArgumentHelp("Requests a month.", valueName: "number"))
        var monthlyLimit: Int64?
        @Flag(help: "A key for test data.")
        var test = false
        @OptionGroup var options: CommonOptions

        func run() async throws {
            var body = JSONObject()
            body["name"] = .string(name)
            body["permissions"] = permissions
            if let expiresAt { body["expires_at"] = .string(expiresAt) }
            if !address.isEmpty { body["allowed_addresses"] = .array(address.map { .string($0) }) }
            if let monthlyLimit { body["monthly_limit"] = .integer(monthlyLimit) }
            if test { body["environment"] = "test" }
            let wish = JSONValue.object(body)
            try await options.finish { client, _ in
                .init(try await client.json(APIRequest(.post, "/v1/api-keys", body: .json(wish))))
            }
        }

        /// One word without a colon is a preset.
        private var permissions: JSONValue? {
            if permission.isEmpty { return nil }
            if permission.count == 1, !permission[0].contains(":") { return .string(permission[0]) }
            return .array(permission.map { .string($0) })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a key; never its text.")
        @Argument(help: "The key's id.")
        var id: String
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                .init(try await client.json(APIRequest(.get, KeysCommand.path(id))))
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a key a new text under the same id, shown this once.")
        @Argument(help: "The key's id.")
        var id: String
        @Option(help: ArgumentHelp("How long the old text still works, at most 30 days.", valueName: "seconds"))
        var gracePeriod: Int64 = 0
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                .init(
                    try await client.json(
                        APIRequest(
                            .post, KeysCommand.path(id) + "/rotate",
                            body: .json(["grace_period": .integer(gracePeriod)]))))
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a key for ever.")
        @Argument(help: "The key's id.")
        var id: String
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                .init(try await client.json(APIRequest(.delete, KeysCommand.path(id))))
            }
        }
    }
}
