import API
import ArgumentParser

/// `nrx-server doctor`: says whether this machine can isolate sessions, layer by layer.
struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Test each isolation layer for real on this machine.",
        discussion: "Exits 0 when all six work; otherwise 1, with the kernel setting and the command that enables it.")

    @Option(help: "The sandbox's init program (default: beside nrx-server).") var initPath: String?

    func run() async throws {
        let report = await MachineReport.make(initPath: initPath ?? environment("INIT_PATH"))
        print(report.text)
        if !report.isComplete { throw ExitCode(1) }
    }
}
