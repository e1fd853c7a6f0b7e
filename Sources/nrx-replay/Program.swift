import ArgumentParser

/// The program and its subcommands, each in its own file.
struct Program: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nrx-replay",
        abstract: "Check a ledger's log and its destruction proofs without trusting the server that made them.",
        discussion: """
            Works offline and read-only on a log directory (data/log of a server) or on a copy of it, also while the \
            server runs.

            A first look:
              nrx-replay audit data/log
              nrx-replay verify proof.json --log data/log
              nrx-replay show sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06 --log data/log

            The next time, with what you kept and the key you were given:
              nrx-replay checkpoint data/log > kept.txt
              nrx-replay audit data/log --verifier-key KEY --from kept.txt

            Exit codes: 0 verified at the level asked for, 1 failed, 2 usage or a file that cannot be opened, \
            3 verified, but only at a lower level than asked for. docs/auditing.md explains the verdicts and --json.
            """,
        version: "0.1.0",
        subcommands: [
            Audit.self, Verify.self, Show.self, Export.self, CheckpointCommand.self, Prove.self, Consistency.self,
            Rebuild.self, Diff.self, Backup.self,
        ])
}
