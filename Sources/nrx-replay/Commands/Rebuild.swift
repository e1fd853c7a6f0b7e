import ArgumentParser
import Replay

struct Rebuild: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Build a server's projections from nothing but its log, as a new file.",
        discussion: """
            Projections are functions of the log: the same log gives the same rows, and the same digest, on every \
            machine. A server rebuilds its own by itself; this is for looking into one.

            Example:
              nrx-replay rebuild --log data/log --to rebuilt.sqlite
            """)

    @Option(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var log: String

    @Option(name: .customLong("to"), help: ArgumentHelp("The new file.", valueName: "file"))
    var target: String

    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("rebuild") { (bar) throws(AuditorError) in
            try ProjectionRebuild(directory: log, target: target).run(progress: bar.show)
        }
    }
}
