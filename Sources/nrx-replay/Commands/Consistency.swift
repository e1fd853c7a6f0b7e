import ArgumentParser
import Replay

struct Consistency: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consistency",
        abstract: "Show that the log of one checkpoint extends the log of an older one.",
        discussion: """
            With --log the proof is made from the log's files and printed, in the form that C2SP tlog-witness sends to \
            witnesses (old size, hashes, the newer checkpoint). With --proof one that somebody else made is checked, \
            without any log. Give --verifier-key to have the checkpoints' signatures checked as well.

            Example:
              nrx-replay consistency kept.txt today.txt --log data/log > kept-to-today.txt
              nrx-replay consistency kept.txt today.txt --proof kept-to-today.txt --verifier-key log.key
            """)

    @Argument(help: ArgumentHelp("The older checkpoint.", valueName: "old")) var old: String
    @Argument(help: ArgumentHelp("The newer checkpoint.", valueName: "new")) var new: String

    @Option(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var log: String?

    @Option(help: ArgumentHelp("A proof that was made with --log.", valueName: "file"))
    var proof: String?

    @Option(
        name: [.customLong("verifier-key"), .customLong("log-key")],
        help: ArgumentHelp("The log's verifier key, or a file that holds it.", valueName: "key"))
    var verifierKey: String?

    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("consistency") { (bar) throws(AuditorError) in
            let prover = ConsistencyProver(
                old: try InputFiles.checkpoint(at: old), new: try InputFiles.checkpoint(at: new),
                verifierKey: try verifierKey.map(InputFiles.verifierKey))
            let answer: CommandOutput
            switch (log, proof) {
            case (let log?, nil): answer = try prover.prove(from: log, progress: bar.show)
            case (nil, let proof?): answer = prover.check(try InputFiles.consistencyProof(at: proof))
            default: throw AuditorError(.usage, "give either --log, to make the proof, or --proof, to check one.")
            }
            if answer.status == .failed, !output.json, let reason = answer.reason {
                StandardStreams.complain("error: \(reason)")
            }
            return answer
        }
    }
}
