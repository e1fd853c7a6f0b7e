import ArgumentParser
import Replay

struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print the whole history of a session, a customer or a key.",
        discussion: """
            One event a line: its place in the log, its time, its type, and what it says. Takes a session (sess_…), a \
            customer (cust_…), an API key (key_…), a verification key (nrx-verify-…) or `log`.

            Example:
              nrx-replay show sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06 --log data/log
            """)

    @Argument(help: ArgumentHelp("Whose history.", valueName: "id"))
    var id: String

    @Option(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var log: String

    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("show") { (bar) throws(AuditorError) in
            try StreamHistory(of: id, in: log, progress: bar.show).output
        }
    }
}
