import API
import ArgumentParser
import Foundation

/// `nrx-server rotate-log-key`: the log goes on under a new signing key.
struct RotateLogKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give the log a new signing key, endorsed by the old one or by the recovery key. Server stopped.",
        discussion: """
            Appends an event that says so, and signs a checkpoint with the new key. From then on verifiers refuse the old
            key for larger trees, and the old key is erased from the vault. Give the new verifier key to whoever audits
            this log; those who only know the old one follow the event from it. Witnesses must be told, too. On a running
            server: nrx-server admin rotate-log-key.

            When the vault is lost, and the log's key with it, the recovery key that the log names endorses a new key in
            the old one's place: give --recovery-key. A new vault is made. What the old vault sealed (names, e-mails,
            passwords) stays unreadable; API keys, sessions and proofs go on.

            EXAMPLE:
              nrx-server rotate-log-key --data-dir /var/lib/nrx
              nrx-server rotate-log-key --data-dir /var/lib/nrx --recovery-key /media/offline/recovery.key
            """)

    @Option(help: "Directory of the log, the vault and the projections.") var dataDir: String?
    @Option(help: "File with the vault's master key (default: in the vault).") var masterKeyFile: String?
    @Option(help: "The log's key is lost: file with the private half of its recovery key.") var recoveryKey: String?
    @Option(
        help: ArgumentHelp(
            "The log's recovery key from now on: a verifier key or a .pub file (default: the one it has).",
            valueName: "key-or-file"))
    var logRecoveryKey: String?

    func run() async throws {
        var configuration = ServerConfiguration()
        configuration.dataDirectory = dataDir ?? environment("DATA_DIR") ?? configuration.dataDirectory
        configuration.masterKeyFile = masterKeyFile ?? environment("MASTER_KEY_FILE")
        configuration.logRecoveryKey = try recoveryKeyToName(logRecoveryKey)
        guard recoveryKey == nil || configuration.logRecoveryKey == nil else {
            throw ValidationError(
                "--recovery-key keeps the recovery key as it is. Name another one with a second rotation.")
        }
        do {
            let rotating = LogKeyRotating(configuration: configuration)
            let outcome: LogKeyRotating.Outcome
            if let recoveryKey {
                outcome = try await rotating.recover(with: recoveryKey)
            } else {
                outcome = try await rotating.run()
            }
            print("old verifier key: \(outcome.old)")
            print("                  signs nothing beyond \(outcome.lastSize) events")
            print("new verifier key: \(outcome.new)")
            if let recoveryKey = outcome.recoveryKey { print("recovery key:     \(recoveryKey)") }
        } catch { throw failure(error) }
    }
}

/// `nrx-server recovery-key`: makes the key that can save the log's name when its vault is lost.
struct MakeRecoveryKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery-key",
        abstract: "Make a recovery key for a log, to be kept offline.",
        discussion: """
            Writes the private half to FILE and the public half to FILE.pub. Name FILE.pub when the server first starts
            (--log-recovery-key) or later (nrx-server admin rotate-log-key --log-recovery-key), keep FILE where no server
            can reach it, and best make it there. It is needed only when the vault is lost (nrx-server rotate-log-key
            --recovery-key). Who steals it can, with a copy of the log, sign for histories of their own.

            EXAMPLE:
              nrx-server recovery-key /media/offline/recovery.key
              nrx-server --log-recovery-key /media/offline/recovery.key.pub
            """)

    @Argument(help: "Where the private half goes; it must not exist.") var file: String
    @Option(help: "The key's name: no white space, no `+`.") var name = "nrx-ledger/recovery"

    func run() async throws {
        do { print("recovery key: \(try makeRecoveryKey(at: file, name: name))") } catch { throw failure(error) }
    }
}

/// The key that `--log-recovery-key` or the environment names.
func recoveryKeyToName(_ option: String?) throws -> LogRecoveryKey? {
    guard let text = option ?? environment("LOG_RECOVERY_KEY") else { return nil }
    do throws(ServerError) { return try LogRecoveryKey(keyOrFile: text) } catch {
        throw ValidationError("--log-recovery-key: \(error.message)")
    }
}

/// Says what went wrong, and ends with code 1.
private func failure(_ error: any Error) -> ExitCode {
    FileHandle.standardError.write(Data("nrx-server: \(error)\n".utf8))
    return ExitCode(1)
}
