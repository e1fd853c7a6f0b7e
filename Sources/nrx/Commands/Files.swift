import ArgumentParser
import CanonicalJSON
import Client

struct FilesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "files", abstract: "Files of a live session: list, put, get, delete.",
        subcommands: [List.self, Put.self, Get.self, Delete.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List a directory of the workspace.")
        @Argument(help: "The session's id.")
        var session: String
        @Argument(help: "A directory of the workspace.")
        var path = ""
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                let answer = try await FileTransfer(client, session: session).list(path)
                return .init(
                    answer,
                    text: Rendering.table(
                        answer["data"]?.array ?? [], columns: ["kind", "size", "modified_at", "name"]))
            }
        }
    }

    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a file into the workspace.",
            discussion: "Example: nrx files put SESSION rows.csv data/rows.csv")
        @Argument(help: "The session's id.")
        var session: String
        @Argument(help: "A file of this machine; - is standard input.")
        var local: String
        @Argument(help: "Where it goes, in the workspace. Parent directories are made.")
        var path: String
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                .init(try await FileTransfer(client, session: session).put(local == "-" ? nil : local, to: path))
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch a file of the workspace.",
            discussion: "Example: nrx files get SESSION out/report.pdf report.pdf")
        @Argument(help: "The session's id.")
        var session: String
        @Argument(help: "A file of the workspace.")
        var path: String
        @Argument(help: "Where it goes on this machine; - is standard output.")
        var local = "-"
        @Flag(help: "Replace a file that is there.")
        var force = false
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.run(failed: CommonOptions.failed) { client, _ in
                let isStream = local == "-"
                let output =
                    isStream ? OutputFile.standardOutput : try await OutputFile.create(local, replacing: force)
                let bytes = try await FileTransfer(client, session: session).get(path, to: output)
                if !isStream {
                    let shown = CommonOptions.Shown(["path": .string(local), "size": .integer(bytes)])
                    try await OutputFile.standardOutput.write(
                        options.json ? shown.answer.canonicalText + "\n" : shown.text)
                }
                return 0
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a file or an empty directory.")
        @Argument(help: "The session's id.")
        var session: String
        @Argument(help: "What to remove, in the workspace.")
        var path: String
        @OptionGroup var options: CommonOptions

        func run() async throws {
            try await options.finish { client, _ in
                .init(try await FileTransfer(client, session: session).remove(path))
            }
        }
    }
}
