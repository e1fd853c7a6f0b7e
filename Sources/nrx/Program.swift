import ArgumentParser
import Client

/// The program and its subcommands, each group in its own file.
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nrx",
        abstract: "Run commands on sensitive data in sessions that can prove their own destruction.",
        discussion: """
            A first look:
              nrx signup you@company.com --server https://ledger.example.com
              nrx sessions create
              nrx exec SESSION -- wc -l input/data < rows.csv
              nrx sessions destroy SESSION > proof.json

            The server is --server, NRX_SERVER, or the one that was signed in to. The API key is NRX_API_KEY, or the one \
            that a sign-in keeps in ~/.config/nrx/credentials.json (mode 0600; NRX_CREDENTIALS names another file). It is \
            never an argument, and never sent to another server than the one it was kept for.

            Exit codes: 0 done, 1 refused or failed, 2 usage; of exec and shell that of the command, and 125 when it did \
            not run.
            """,
        version: APIClient.version,
        subcommands: [
            SignUpCommand.self, LoginCommand.self, LogoutCommand.self, AccountCommand.self, KeysCommand.self,
            SessionsCommand.self, ExecCommand.self, ShellCommand.self, FilesCommand.self, ProofsCommand.self,
            VerifyCommand.self, UsageCommand.self,
        ])

    /// Runs the command that was typed.
    static func parseAndRun() async throws {
        var command = try parseAsRoot()
        // In a function of its own: top-level code would take the `run` that only shows the help.
        if var asynchronous = command as? any AsyncParsableCommand {
            try await asynchronous.run()
        } else {
            try command.run()
        }
    }
}
