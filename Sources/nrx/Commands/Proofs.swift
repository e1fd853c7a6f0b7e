import ArgumentParser
import CanonicalJSON
import Client

struct ProofsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proofs", abstract: "Proofs of destruction: list, get.",
        subcommands: [List.self, Get.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List proofs, newest first.")
        @OptionGroup var page: PageOptions
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                let answer = try await client.json(APIRequest(.get, "/v1/proofs", query: page.query))
                return page.shown(
                    answer, columns: ["session_id", "trigger", "issued_at", "key_id"], cursor: "session_id")
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a session's proof, one JSON document.",
            discussion: "With --inclusion it carries what `nrx-replay verify FILE --log-key KEY` checks offline.")
        @Argument(help: "The session's id.")
        var session: String
        @Flag(help: "With what shows a stranger that the log holds it.")
        var inclusion = false
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                var request = APIRequest(.get, "/v1/proofs/\(APIRequest.encoded(session))")
                if inclusion { request.query = [("include", "inclusion")] }
                let answer = try await client.json(request)
                return .init(answer, text: answer.canonicalText + "\n")
            }
        }
    }
}

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Ask the server whether a proof holds together.",
        discussion: """
            This trusts the server. `nrx-replay verify` checks the same offline, and against the log.
            Exit codes: 0 valid, 1 not valid or not asked.
            """)

    @Argument(help: "The proof, a JSON document; - is standard input.")
    var file: String
    @Flag(help: "Accept a proof of a session that ran without some isolation layers; they are named all the same.")
    var allowMissingLayers = false
    @OptionGroup var options: CommonOptions

    func run() async throws {
        try await options.finish { client, _ in
            let text = try await InputText.read(file == "-" ? nil : file)
            let document: JSONValue
            do { document = try JSONReader.read(Array(text.utf8)) } catch {
                throw ClientError(.usage, "\(file) is not JSON: \(error).")
            }
            var request = APIRequest(.post, "/v1/verify", body: .json(document))
            if allowMissingLayers { request.query = [("allow_missing_layers", "true")] }
            let answer = try await client.json(request)
            let isValid = answer["valid"]?.bool == true
            return .init(answer, exitCode: isValid ? 0 : CommonOptions.failed)
        }
    }
}
