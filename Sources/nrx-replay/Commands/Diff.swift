import ArgumentParser
import Replay

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Hold a server's projections against its log, row by row.",
        discussion: """
            What the API answers comes from the projections. This rebuilds them from the log, up to the event that the \
            file has reached, and names every table and row that differs. Works on a copy of the file, also while the \
            server runs; the comparison needs room in TMPDIR.

            Example:
              nrx-replay diff data/projections.sqlite --log data/log
            """)

    @Argument(help: ArgumentHelp("The server's projections.", valueName: "projection"))
    var projection: String

    @Option(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var log: String

    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("diff") { (bar) throws(AuditorError) in
            try ProjectionComparison(directory: log, projection: projection).run(progress: bar.show)
        }
    }
}
