import ArgumentParser
import Replay

struct CheckpointCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint",
        abstract: "Verify a log's bytes and its checkpoint, and print the checkpoint for you to keep.",
        discussion: """
            Keep what it prints, apart from the server: given as --from next time, it shows that nothing before it was \
            changed, dropped or added. The verdicts go to standard error.

            Example:
              nrx-replay checkpoint data/log --verifier-key log.key > kept.txt
            """)

    @Argument(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var directory: String

    @OptionGroup var trust: TrustOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("checkpoint") { (bar) throws(AuditorError) in
            let auditor = LogAuditor(
                verifierKey: try trust.verifierKey.map(InputFiles.verifierKey),
                keptCheckpoint: try trust.kept.map(InputFiles.checkpoint), bytesOnly: true)
            let report = try auditor.audit(directory, progress: bar.show)
            let answer = report.checkpointOutput
            if !output.json { StandardStreams.complain(report.output.text) }
            return answer
        }
    }
}
