import ArgumentParser
import CanonicalJSON
import Client

struct ExecCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a command in a session; its output and exit code are this program's.",
        discussion: """
            What follows -- is a program and its arguments; --shell takes a command for /bin/sh instead. Output comes as it \
            is written, as text: what is not UTF-8 shows as replacement characters (fetch such files with `nrx files get`).

            Examples:
              nrx exec SESSION -- sha256sum input/data
              nrx exec SESSION --shell 'wc -l < input/data' --input rows.csv
              grep PATIENT rows.csv | nrx exec SESSION --input - -- sort input/data
            """)

    @Argument(help: "The session's id.")
    var session: String
    @Argument(parsing: .postTerminator, help: "A program and its arguments, behind --.")
    var command: [String] = []
    @Option(help: ArgumentHelp("A command for /bin/sh.", valueName: "command"))
    var shell: String?
    @Option(help: ArgumentHelp("Where it runs, absolute inside the session.", valueName: "path"))
    var cwd: String?
    @Option(
        help: ArgumentHelp(
            "A variable, NAME=VALUE; several times. Not for secrets: use --input.", valueName: "variable"))
    var env: [String] = []
    @Option(help: ArgumentHelp("After so long it is ended.", valueName: "seconds"))
    var timeout: Int64?
    @Option(
        help: ArgumentHelp(
            "A UTF-8 file that becomes input/data in the workspace; - is standard input. At most 16 MiB; larger ones go "
                + "with `nrx files put`.", valueName: "file"))
    var input: String?
    @OptionGroup var options: CommonOptions

    /// As `docker exec` has it: the command did not run, or nobody knows how it ended.
    private static let notRun: Int32 = 125

    func validate() throws {
        guard command.isEmpty != (shell == nil) else {
            throw ValidationError("Give a program and its arguments behind --, or a command with --shell.")
        }
    }

    func run() async throws {
        var remote = RemoteCommand(shell.map { .shell($0) } ?? .arguments(command))
        remote.workingDirectory = cwd
        remote.timeoutSeconds = timeout
        for pair in env {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("--env \(pair) is not NAME=VALUE.") }
            remote.environment[String(parts[0])] = String(parts[1])
        }
        let prepared = remote
        try await options.run(failed: Self.notRun) { client, _ in
            var remote = prepared
            if let input { remote.input = try await InputText.read(input == "-" ? nil : input) }
            // With --json standard output is for the one document at the end.
            let result = try await remote.run(
                in: session, by: client, output: options.json ? .standardError : .standardOutput)
            if options.json { try await OutputFile.standardOutput.write(result.canonicalText + "\n") }
            try await Self.explain(result)
            return Int32(clamping: result["exit_code"]?.integer ?? Int64(Self.notRun))
        }
    }

    /// Why it ended as it did, where the exit code alone does not say.
    private static func explain(_ result: JSONValue) async throws {
        var words: [String] = []
        if result["timed_out"]?.bool == true { words.append("the time was over, and the command was ended") }
        if result["out_of_memory"]?.bool == true {
            words.append("the session ran out of memory; it is destroyed, with a proof")
        }
        if result["truncated"]?.bool == true {
            let bytes = (result["stdout_bytes"]?.integer ?? 0) + (result["stderr_bytes"]?.integer ?? 0)
            words.append("only a part of the \(bytes) bytes of output was sent")
        }
        for word in words { try await OutputFile.standardError.write("nrx: \(word)\n") }
    }
}
