import API
import ArgumentParser
import Foundation
import Logging

/// `nrx-server serve`, which is also what no subcommand means.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve the HTTP API (the default).")

    @Option(help: "Address to listen on.") var host: String?
    @Option(help: "Port to listen on; 0 picks a free one.") var port: Int?
    @Option(help: "Directory of the log, the vault and the projections.") var dataDir: String?
    @Option(help: "Where this node runs; stands in health, events and proofs.") var region: String?
    @Option(help: "Name of a new log (default: localhost/nrx-ledger/<8 hex>).") var origin: String?
    @Option(help: "File with the vault's master key (default: in the vault).") var masterKeyFile: String?
    @Option(help: "The sandbox's init program (default: beside nrx-server).") var initPath: String?
    @Option(
        help: "Run sessions without this isolation layer; stands in every proof. May be given several times.")
    var allowMissingLayer: [String] = []
    @Option(help: "Environments kept ready for new sessions.") var warmPool: Int?
    @Option(help: "Seconds that running commands get at a clean stop.") var shutdownSeconds: Int?
    @Flag(
        inversion: .prefixedNo,
        help: "Rewrite sealed log segments in the background, smaller, with the same events and roots (default: yes).")
    var recompress: Bool?
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?

    func run() async throws {
        var logger = Logger(label: "nrx") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = try level()
        // What was asked for wrongly is a usage error (exit code 64); what then fails is not (1).
        let configuration = try configuration()
        do {
            let server = try await Server.start(configuration: configuration, logger: logger)
            try await server.run { address in
                FileHandle.standardOutput.write(Data("listening on http://\(address)\n".utf8))
            }
        } catch {
            FileHandle.standardError.write(Data("nrx-server: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }

    private func level() throws -> Logger.Level {
        guard let name = logLevel ?? environment("LOG_LEVEL") else { return .info }
        guard let level = Logger.Level(rawValue: name) else {
            throw ValidationError(
                "Unknown log level \(name). Use trace, debug, info, notice, warning, error or critical.")
        }
        return level
    }

    private func configuration() throws -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.host = host ?? environment("HOST") ?? configuration.host
        configuration.port = try number(port, "PORT", in: 0...65_535) ?? configuration.port
        configuration.dataDirectory = dataDir ?? environment("DATA_DIR") ?? configuration.dataDirectory
        configuration.region = region ?? environment("REGION") ?? configuration.region
        configuration.origin = origin ?? environment("ORIGIN")
        configuration.masterKeyFile = masterKeyFile ?? environment("MASTER_KEY_FILE")
        configuration.initPath = initPath ?? environment("INIT_PATH")
        configuration.warmPoolSize = try number(warmPool, "WARM_POOL", in: 0...256) ?? configuration.warmPoolSize
        configuration.shutdownSecondsMax =
            try number(shutdownSeconds, "SHUTDOWN_SECONDS", in: 1...3_600) ?? configuration.shutdownSecondsMax
        configuration.allowedMissingLayers =
            allowMissingLayer.isEmpty
            ? (environment("ALLOW_MISSING_LAYER") ?? "").split(separator: ",").map(String.init) : allowMissingLayer
        configuration.recompressesLog = try recompress ?? truth("RECOMPRESS") ?? configuration.recompressesLog
        do throws(ServerError) { try configuration.validate() } catch { throw ValidationError(error.message) }
        return configuration
    }

    private func truth(_ name: String) throws -> Bool? {
        guard let text = environment(name) else { return nil }
        guard let value = Bool(text) else { throw ValidationError("NRX_\(name) must be true or false.") }
        return value
    }

    private func number(_ flag: Int?, _ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = environment(name) ?? flag.map(String.init) else { return nil }
        guard let number = flag ?? Int(text), range.contains(number) else {
            let option = "--" + name.lowercased().map { $0 == "_" ? "-" : String($0) }.joined()
            throw ValidationError("\(option) must be a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }
}
