import ArgumentParser
import Replay

struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Re-read and re-hash every stored byte of a log, and replay what its events mean.",
        discussion: """
            Answers five questions apart:
              integrity     do the stored bytes match their checksums, order and tree roots?
              meaning       could these events have happened, and do all proofs in the log verify and agree with them?
              authenticity  did the expected key sign this very tree?
              completeness  is everything there up to the newest checkpoint known?
              rollback      does the log extend the oldest checkpoint known?

            Without --verifier-key the key in the log's own first event is used, and the verdict says "self-asserted". \
            A torn tail (a write that was never acknowledged) is a note, not a failure.

            Example:
              nrx-replay audit data/log --verifier-key log.key --from kept.txt

            With --policy, a sixth: witnesses, have enough of those whom you trust cosigned this log?
            """)

    @Argument(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var directory: String

    @Flag(help: "Check bytes, roots and checkpoints only, not what the events mean.")
    var integrity = false

    @Option(
        help: ArgumentHelp(
            "The logs, the witnesses and the quorum that you trust (C2SP tlog-policy).", valueName: "file"))
    var policy: String?

    @OptionGroup var trust: TrustOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("audit") { (bar) throws(AuditorError) in
            var auditor = LogAuditor(
                verifierKey: try trust.verifierKey.map(InputFiles.verifierKey),
                keptCheckpoint: try trust.kept.map(InputFiles.checkpoint), bytesOnly: integrity)
            auditor.policy = try policy.map(InputFiles.policy)
            return try auditor.audit(directory, progress: bar.show).output
        }
    }
}
