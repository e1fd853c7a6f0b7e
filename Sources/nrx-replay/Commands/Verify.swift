import ArgumentParser
import Replay

struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check a destruction proof: alone, against its log's key, or against the whole log.",
        discussion: """
            Three levels, each saying more than the one before:
              integrity   the document alone holds together. Anybody can make such a document: not authenticity.
              provenance  the log whose key you know published the proof's key (--log-key, and a file that carries its
                          inclusion proofs; or --proof).
              history     the replayed log holds the session's whole life and extends a checkpoint that you kept
                          (--log and --from).
            The verdict always says which level was reached; exit code 3 says that it is a lower one than asked for.

            A file with inclusion proofs is what GET /v1/proofs/SESSION?include=inclusion answers.

            Examples:
              nrx-replay verify proof.json
              nrx-replay verify proof-with-inclusion.json --log-key log.key
              nrx-replay verify proof.json --proof key-event.tlog-proof --verifier-key log.key
              nrx-replay verify proof.json --log data/log --from kept.txt
            """)

    @Argument(help: ArgumentHelp("The proof, a JSON document.", valueName: "cdp.json"))
    var document: String

    @Option(help: ArgumentHelp("The log, replayed: asks for history.", valueName: "logdir"))
    var log: String?

    @Option(
        help: ArgumentHelp(
            "The inclusion proof of the event of the proof's key: asks for provenance.", valueName: "file.tlog-proof"))
    var proof: String?

    @Flag(help: "Accept a proof of a session that ran without some isolation layers; they are named all the same.")
    var allowMissingLayers = false

    @OptionGroup var trust: TrustOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        try output.finish("verify") { (bar) throws(AuditorError) in
            var examiner = ProofExaminer(logDirectory: log, acceptsMissingLayers: allowMissingLayers)
            examiner.verifierKey = try trust.verifierKey.map(InputFiles.verifierKey)
            examiner.keptCheckpoint = try trust.kept.map(InputFiles.checkpoint)
            if let proof { examiner.inclusion = try InputFiles.inclusionProof(at: proof) }
            return try examiner.examine(try InputFiles.bytes(of: document), progress: bar.show).output(file: document)
        }
    }
}
