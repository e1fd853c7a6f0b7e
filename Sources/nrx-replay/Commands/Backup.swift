import ArgumentParser
import Replay

struct Backup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy a log into another directory while the server writes to it; verified, incremental, resumable.",
        discussion: """
            Every byte is hashed up to the tree's root before it is written, and read back afterwards; the live segment \
            is cut at the end of a batch; segments that are in the backup already are not read again. An interrupted \
            run leaves the older backup whole; run it again to go on. A log that does not extend the backup is refused.

            The backup is a log directory: audit it, or start a server on it. It does not hold the vault, without which \
            no server can go on with the log: back that up apart, and before the log, so that it never remembers more \
            than the log holds.

            Exit codes: 0 done, 1 the log is damaged or does not extend the backup, 2 usage or a file operation failed.

            Example:
              nrx-replay backup data/log /mnt/backup/log
            """)

    @Argument(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var source: String

    @Argument(help: ArgumentHelp("The directory to copy to; made when absent.", valueName: "dest"))
    var destination: String

    @Flag(name: .customLong("full"), help: "Read and hash again what is in the backup already.")
    var isFull = false

    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("backup") { (_) throws(AuditorError) in
            try BackupCommand.run(source: source, destination: destination, verifiesWholeCopy: isFull)
        }
    }
}
