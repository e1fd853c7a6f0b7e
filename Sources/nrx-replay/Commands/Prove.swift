import ArgumentParser
import Replay

struct Prove: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove",
        abstract: "Make the inclusion proof of one event, as a C2SP .tlog-proof that a stranger can check.",
        discussion: """
            The proof leads from the event to the checkpoint beside the log, and carries the event's line itself (the \
            line `extra`), so whoever has it and the log's verifier key needs nothing else. Find an event's place with \
            `show` or `export`: to let others check a destruction proof, prove its verification_key.published event.

            Example:
              nrx-replay prove 17 --log data/log > key-event.tlog-proof
            """)

    @Argument(help: ArgumentHelp("The event's place in the log.", valueName: "sequence"))
    var sequence: UInt64

    @Option(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var log: String

    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("prove") { (bar) throws(AuditorError) in
            let outcome = try OfflineProver(directory: log).prove(sequence, progress: bar.show)
            if case .failed(let reason) = outcome, !output.json { StandardStreams.complain("error: \(reason)") }
            return outcome.output(sequence: sequence)
        }
    }
}
