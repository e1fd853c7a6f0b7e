import ArgumentParser
import Hummingbird
import Logging

/// A server of the same framework that does nothing: the most that any route of ours could reach.
struct EmptyRoute: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "empty-route", abstract: "Serve one empty route until stopped (a peer of the benchmarks).",
        shouldDisplay: false)

    @Option(help: "Port of the loopback to listen on.")
    var port: Int

    func run() async throws {
        let router = Router()
        router.get("/") { _, _ in "" }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            logger: Logger(label: "empty-route") { _ in SwiftLogNoOpLogHandler() })
        try await application.runService()
    }
}
