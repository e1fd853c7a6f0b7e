import ArgumentParser
import Replay

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print events as JSON lines, byte for byte as the log holds them.",
        discussion: """
            Without a filter this prints what `cat logdir/*.jsonl.lz4 | lz4 -dc` prints, but verifies every byte while \
            it does. The exit code is 1 when the log is damaged; what precedes the damage is printed.

            Example:
              nrx-replay export data/log --type proof.issued | jq .data.cdp
            """)

    @Argument(help: ArgumentHelp("The directory that holds the *.jsonl.lz4 files.", valueName: "logdir"))
    var directory: String

    @Option(help: ArgumentHelp("Only events of this type, for example session.created.", valueName: "type"))
    var type: String?

    @Option(help: ArgumentHelp("Only events of this stream: a session, a customer or `log`.", valueName: "id"))
    var stream: String?

    @Option(help: ArgumentHelp("The first event, by its place in the log.", valueName: "sequence"))
    var from: UInt64 = 0

    @Option(help: ArgumentHelp("The last event, by its place in the log.", valueName: "sequence"))
    var to: UInt64 = .max

    func run() throws {
        let bar = ProgressBar()
        do throws(AuditorError) {
            var pending: [UInt8] = []
            let selection = EventSelection(type: type, stream: stream, from: from, to: to)
            let result = try EventExport(selection).run(directory, progress: bar.show) { (line) throws(AuditorError) in
                pending += line
                guard pending.count >= 1 << 16 else { return }
                try StandardStreams.write(pending)
                pending.removeAll(keepingCapacity: true)
            }
            try StandardStreams.write(pending)
            bar.clear()
            guard let defect = result.defect else { return }
            StandardStreams.complain("error: the log is damaged, and this is what precedes it: \(defect)")
        } catch {
            bar.clear()
            StandardStreams.complain("error: \(error)")
            throw ExitCode(ExitStatus.unusable.rawValue)
        }
        throw ExitCode(ExitStatus.failed.rawValue)
    }
}
