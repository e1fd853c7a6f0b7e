import API
import ArgumentParser
import Foundation

/// `nrx-server rotate-log-key`: the log goes on under a new signing key.
struct RotateLogKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give the log a new signing key, endorsed by the old one. The server must be stopped.",
        discussion: """
            Appends an event that both keys sign, and signs a checkpoint with the new key. From then on verifiers refuse
            the old key for larger trees, and the old key is erased from the vault. Give the new verifier key to whoever
            audits this log; those who only know the old one follow the event from it. Witnesses must be told, too.

            EXAMPLE:
              nrx-server rotate-log-key --data-dir /var/lib/nrx
            """)

    @Option(help: "Directory of the log, the vault and the projections.") var dataDir: String?
    @Option(help: "File with the vault's master key (default: in the vault).") var masterKeyFile: String?

    func run() async throws {
        var configuration = ServerConfiguration()
        configuration.dataDirectory = dataDir ?? environment("DATA_DIR") ?? configuration.dataDirectory
        configuration.masterKeyFile = masterKeyFile ?? environment("MASTER_KEY_FILE")
        do {
            let outcome = try await LogKeyRotating(configuration: configuration).run()
            print("old verifier key: \(outcome.old)")
            print("                  signs nothing beyond \(outcome.lastSize) events")
            print("new verifier key: \(outcome.new)")
        } catch {
            FileHandle.standardError.write(Data("nrx-server: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }
}
