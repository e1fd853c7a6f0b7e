import ArgumentParser
import Replay

/// `--json`, and what every command does with its answer.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON document instead of text (docs/auditing.md has its members).")
    var json = false

    /// Runs a command and prints its answer.
    ///
    /// - Throws: ArgumentParser's `ExitCode`, always: the exit code of the program.
    func finish(_ command: String, _ body: (ProgressBar) throws(AuditorError) -> CommandOutput) throws {
        let bar = ProgressBar()
        let status: ExitStatus
        do throws(AuditorError) {
            let output = try body(bar)
            bar.clear()
            try StandardStreams.write(Array((json ? output.jsonText : output.text).utf8))
            status = output.status
        } catch {
            bar.clear()
            StandardStreams.complain("error: \(error)")
            if json { StandardStreams.write(CommandOutput(command, error: error).jsonText) }
            status = .unusable
        }
        throw ExitCode(status.rawValue)
    }
}

/// What the auditor knows of a log from elsewhere.
struct TrustOptions: ParsableArguments {
    @Option(
        name: [.customLong("verifier-key"), .customLong("log-key")],
        help: ArgumentHelp(
            "The log's verifier key, or a file that holds it.",
            discussion: "As you got it from somewhere else than the log; without it the log says itself whose it is.",
            valueName: "key"))
    var verifierKey: String?

    @Option(
        name: .customLong("from"),
        help: ArgumentHelp(
            "A checkpoint that you kept from an earlier look; the log must extend it.", valueName: "file"))
    var kept: String?
}
