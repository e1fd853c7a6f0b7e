import ArgumentParser
import CanonicalJSON
import Client
import Foundation

/// Which server, and how answers are shown.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The server, for example https://ledger.example.com.", valueName: "url"))
    var server: String?

    @Flag(help: "Print the server's answer as one JSON document instead of text.")
    var json = false

    /// What a command shows: the whole answer for machines, and words for people.
    struct Shown {
        let answer: JSONValue
        let text: String
        var exitCode: Int32 = 0

        init(_ answer: JSONValue, text: String? = nil, exitCode: Int32 = 0) {
            self.answer = answer
            self.text = text ?? Rendering.fields(answer)
            self.exitCode = exitCode
        }
    }

    /// Exit code of what the server refused or the machine failed at.
    static let failed: Int32 = 1
    static let usage: Int32 = 2

    /// Runs a command and shows what it answers.
    ///
    /// - Throws: ArgumentParser's `ExitCode`, always.
    func finish(_ body: (APIClient, CredentialFile) async throws -> Shown) async throws {
        try await run(failed: Self.failed) { client, file in
            let shown = try await body(client, file)
            try await OutputFile.standardOutput.write(json ? shown.answer.canonicalText + "\n" : shown.text)
            return shown.exitCode
        }
    }

    /// Runs a command that shows its answer itself, and ends with the exit code that it gives.
    ///
    /// - Parameter failed: the exit code when it throws.
    func run(failed: Int32, _ body: (APIClient, CredentialFile) async throws -> Int32) async throws {
        let code: Int32
        do {
            let environment = ProcessInfo.processInfo.environment
            let file = try CredentialFile(environment: environment)
            let credentials = try Credentials.find(option: server, environment: environment, file: file)
            code = try await APIClient.using(credentials) { client in try await body(client, file) }
        } catch let error as ClientError {
            try await OutputFile.standardError.write("error: \(Rendering.printable(error.message))\n")
            if json { try await OutputFile.standardOutput.write(error.document.canonicalText + "\n") }
            throw ExitCode(error.code == .usage ? Self.usage : failed)
        }
        throw ExitCode(code)
    }
}

/// Which part of a list is shown.
struct PageOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How many, 1 to 100.", valueName: "number"))
    var limit = 20

    @Option(help: ArgumentHelp("Those behind this one: the last that the page before showed.", valueName: "id"))
    var after: String?

    var query: [(name: String, value: String)] {
        [("limit", String(limit))] + (after.map { [("starting_after", $0)] } ?? [])
    }

    /// A page as a table, and how to go on.
    ///
    /// - Parameter cursor: the member that the next page starts after.
    func shown(_ answer: JSONValue, columns: [String], cursor: String) -> CommonOptions.Shown {
        let rows = answer["data"]?.array ?? []
        var text = Rendering.table(rows, columns: columns)
        if answer["has_more"]?.bool == true, let last = rows.last?[cursor]?.string {
            text += "There is more: --after \(Rendering.printable(last))\n"
        }
        return CommonOptions.Shown(answer, text: text)
    }
}
