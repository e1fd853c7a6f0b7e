import ArgumentParser
import Client

struct ShellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "A shell in a session, on this terminal; its exit code is this program's.",
        discussion: """
            Every key goes to the session, Ctrl-C too. Enter, ~ and . leave a terminal that does not answer any more; \
            leaving ends the shell and what runs in it. Standard input that is no terminal is typed as it is, then Ctrl-D.

            Examples:
              nrx shell SESSION
              printf 'ls -l\\nexit 3\\n' | nrx shell SESSION
            """)

    @Argument(help: "The session's id.")
    var session: String
    @OptionGroup var options: CommonOptions

    /// The shell did not run, or nobody knows how it ended.
    private static let notRun: Int32 = 125

    func run() async throws {
        try await options.run(failed: Self.notRun) { client, _ in
            switch try await RemoteShell(session: session, client: client).run() {
            case .exited(let code?): return code
            case .exited(nil):
                try await OutputFile.standardError.write("nrx: the shell was ended, by a signal or with its session\n")
                return Self.notRun
            case .left:
                try await OutputFile.standardError.write("\nnrx: left; the shell is ended\n")
                return Self.notRun
            case .signalled(let number): return 128 + number
            }
        }
    }
}
