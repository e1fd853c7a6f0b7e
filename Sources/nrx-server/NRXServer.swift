import API
import ArgumentParser
import Foundation
import Logging

/// `nrx-server`: a thin shell over the API library.
@main
struct NRXServer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nrx-server", abstract: "Runs sandboxed sessions on sensitive data and proves their destruction.",
        discussion: """
            Serves the HTTP API, keeps the tamper-evident event log, and signs a proof of every session's destruction.
            When ready it prints one line to standard output: listening on http://HOST:PORT. Its own log goes to
            standard error. Every option can also be given as an environment variable: --data-dir is NRX_DATA_DIR.

            EXAMPLE:
              nrx-server --data-dir /var/lib/nrx --port 8080 --region eu
            """,
        version: "0.1.0",
        subcommands: [Serve.self, Admin.self, Doctor.self, RotateLogKey.self, MakeRecoveryKey.self],
        defaultSubcommand: Serve.self)
}

/// The value of `NRX_NAME`, when it is set.
func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment["NRX_" + name] }
