import ArgumentParser
import CanonicalJSON
import Client

struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "Sessions: list, create, show, destroy.",
        subcommands: [List.self, Create.self, Show.self, Destroy.self], defaultSubcommand: List.self)

    static func path(_ id: String) -> String { "/v1/sessions/\(APIRequest.encoded(id))" }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List sessions, newest first, dead or alive.")
        @OptionGroup var page: PageOptions
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                let answer = try await client.json(APIRequest(.get, "/v1/sessions", query: page.query))
                return page.shown(
                    answer,
                    columns: ["session_id", "status", "data_classification", "created_at", "ended_at", "exec_count"],
                    cursor: "session_id")
            }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Start a session; prints its id.",
            discussion: "Example: SESSION=$(nrx sessions create --classification PHI)")

        @Option(help: ArgumentHelp("What the data is, for example PHI; decides the rules that the proof cites."))
        var classification: String?
        @Option(help: ArgumentHelp("Its longest life; without, the plan's.", valueName: "seconds"))
        var ttl: Int64?
        @OptionGroup var options: CommonOptions

        func run() async throws {
            var body = JSONObject()
            if let classification { body["data_classification"] = .string(classification) }
            if let ttl { body["ttl_seconds"] = .integer(ttl) }
            let wish = JSONValue.object(body)
            try await options.finish { client, _ in
                let answer = try await client.json(APIRequest(.post, "/v1/sessions", body: .json(wish)))
                return .init(answer, text: Rendering.printable(answer["session_id"]?.string ?? "") + "\n")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a session.")
        @Argument(help: "The session's id.")
        var session: String
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                .init(try await client.json(APIRequest(.get, SessionsCommand.path(session))))
            }
        }
    }

    struct Destroy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Destroy a session; prints the proof, one JSON document.",
            discussion: "Example: nrx sessions destroy SESSION > proof.json && nrx verify proof.json")
        @Argument(help: "The session's id.")
        var session: String
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                let answer = try await client.json(APIRequest(.delete, SessionsCommand.path(session)))
                return .init(answer, text: (answer["cdp"] ?? answer).canonicalText + "\n")
            }
        }
    }
}
