import API
import ArgumentParser
import Foundation
import Logging

/// `nrx-server serve`, which is also what no subcommand means.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the HTTP API (the default).",
        discussion: """
            Every option can also be given as an environment variable (--data-dir is NRX_DATA_DIR; lists with commas) and
            as a member of the JSON file that --config names ({"data-dir":"/var/lib/nrx"}). A flag goes before the
            environment, the environment before the file.
            """)

    @Option(help: ArgumentHelp("A JSON file with settings (NRX_CONFIG).", valueName: "file")) var config: String?
    @Flag(help: "Print every setting, what holds and who said so, and end.") var printConfig = false

    @Option(help: "Address to listen on.") var host: String?
    @Option(help: "Port to listen on; 0 picks a free one.") var port: Int?
    @Option(help: "Directory of the log, the vault and the projections.") var dataDir: String?
    @Option(help: "Where this node runs; stands in health, events and proofs.") var region: String?
    @Option(help: "Name of a new log (default: localhost/nrx-ledger/<8 hex>).") var origin: String?
    @Option(
        help: ArgumentHelp(
            "The offline recovery key that a new log names: a verifier key or a .pub file (default: none).",
            valueName: "key-or-file"))
    var logRecoveryKey: String?
    @Option(help: "File with the vault's master key (default: in the vault).") var masterKeyFile: String?
    @Option(help: "The sandbox's init program (default: beside nrx-server).") var initPath: String?
    @Option(
        help: "Run sessions without this isolation layer; stands in every proof. May be given several times.")
    var allowMissingLayer: [String] = []
    @Option(
        help: ArgumentHelp(
            "Ask this witness to cosign the log's checkpoints (C2SP tlog-witness). May be given several times.",
            valueName: "url=vkey"))
    var witness: [String] = []
    @Option(help: "Environments kept ready for new sessions.") var warmPool: Int?
    @Option(help: "Seconds that running commands get at a clean stop.") var shutdownSeconds: Int?
    @Option(help: "Whether requests a minute and connections are limited for each client address: on or off.")
    var addressLimits: String?
    @Option(
        help: "A proxy whose X-Forwarded-For is believed: an address or a CIDR block. May be given several times.")
    var trustedProxy: [String] = []
    @Option(help: "PEM file with the certificate chain; TLS with HTTP/1.1 and HTTP/2.") var tlsCert: String?
    @Option(help: "PEM file with the private key of --tls-cert.") var tlsKey: String?
    @Flag(help: "Serve plain HTTP on an address that others can reach, behind a proxy that does TLS.")
    var insecureHttp = false
    @Option(
        help: "An origin whose pages may use the whole API from a browser. May be given several times.")
    var corsOrigin: [String] = []
    @Option(help: "Connections at the same time; more wait.") var maxConnections: Int?
    @Option(help: "Connections of one client address at the same time; more are closed (default: 256).")
    var maxConnectionsPerAddress: Int?
    @Flag(
        inversion: .prefixedNo,
        help: "Rewrite sealed log segments in the background, smaller, with the same events and roots (default: yes).")
    var recompress: Bool?
    @Option(
        help: "Whether agents are registered and changed with a key only: required (default) or optional.")
    var nandaKeys: String?
    @Option(
        help: ArgumentHelp(
            "Ask every registered agent each SECONDS (60 to 86400) whether it answers; reputation is what that measures (default: never).",
            valueName: "seconds"))
    var probeAgents: Int?
    @Flag(
        help:
            "Probe agents at addresses of this machine and its network too: whoever registers one chooses what is asked."
    )
    var probePrivateAddresses = false
    @Option(
        help: ArgumentHelp(
            "What a plan costs at Stripe: starter or business, and the price's id. May be given several times. The secret "
                + "key and the webhook's signing secret are NRX_STRIPE_SECRET_KEY and NRX_STRIPE_WEBHOOK_SECRET.",
            valueName: "plan=price"))
    var stripePrice: [String] = []
    @Option(help: "Where Stripe's API is (default: https://api.stripe.com).") var stripeUrl: String?
    @Option(help: "Where Stripe sends a payer back to (default: this server).") var billingReturnUrl: String?
    @Option(
        help: ArgumentHelp(
            "Serve /metrics here (default: only on the administration socket).", valueName: "host:port"))
    var metricsAddress: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?
    @Option(help: "auto (text on a terminal, JSON elsewhere), text or json.") var logFormat: String?

    func run() async throws {
        // What was asked for wrongly is a usage error (exit code 64); what then fails is not (1).
        let values: SettingValues
        let configuration: ServerConfiguration
        do throws(ServerError) {
            values = try settings()
            configuration = try values.configuration()
        } catch { throw ValidationError(error.message) }
        if printConfig {
            print(values, terminator: "")
            return
        }
        let logger = logger(values)
        if !values.unknownVariables.isEmpty {
            logger.warning(
                "environment variables that are no settings",
                metadata: ["names": .string(values.unknownVariables.joined(separator: ", "))])
        }
        CoreDumps.forbid(logger: logger)
        do {
            let server = try await Server.start(configuration: configuration, logger: logger)
            try await server.run { address in
                FileHandle.standardOutput.write(Data("listening on \(address)\n".utf8))
            }
        } catch {
            FileHandle.standardError.write(Data("nrx-server: \(error)\n".utf8))
            throw ExitCode(1)
        }
    }

    private func logger(_ values: SettingValues) -> Logger {
        let format = values.text("log-format").flatMap(LogFormat.init(rawValue:)) ?? .auto
        var logger = Logger(label: "nrx") { format.handler(label: $0) }
        logger.logLevel = values.text("log-level").flatMap(Logger.Level.init(rawValue:)) ?? .info
        return logger
    }

    private func settings() throws(ServerError) -> SettingValues {
        let environment = ProcessInfo.processInfo.environment
        var file: [UInt8]?
        if let path = config ?? environment["NRX_CONFIG"] {
            do { file = Array(try Data(contentsOf: URL(filePath: path))) } catch {
                throw ServerError("--config \(path) cannot be read: \(error.localizedDescription)")
            }
        }
        return try SettingValues(flags: flags, environment: environment, file: file)
    }

    /// What was given on the command line, by the setting's name.
    private var flags: [String: [String]] {
        let texts: [String: String?] = [
            "host": host, "port": port.map(String.init), "data-dir": dataDir, "region": region, "origin": origin,
            "master-key-file": masterKeyFile, "init-path": initPath, "warm-pool": warmPool.map(String.init),
            "shutdown-seconds": shutdownSeconds.map(String.init), "address-limits": addressLimits,
            "tls-cert": tlsCert, "tls-key": tlsKey, "insecure-http": insecureHttp ? "on" : nil,
            "max-connections": maxConnections.map(String.init), "recompress": recompress.map { $0 ? "on" : "off" },
            "max-connections-per-address": maxConnectionsPerAddress.map(String.init), "nanda-keys": nandaKeys,
            "probe-agents": probeAgents.map(String.init), "probe-private-addresses": probePrivateAddresses ? "on" : nil,
            "stripe-url": stripeUrl, "billing-return-url": billingReturnUrl, "log-recovery-key": logRecoveryKey,
            "metrics-address": metricsAddress, "log-level": logLevel, "log-format": logFormat,
        ]
        let lists = [
            "allow-missing-layer": allowMissingLayer, "witness": witness, "trusted-proxy": trustedProxy,
            "cors-origin": corsOrigin, "stripe-price": stripePrice,
        ]
        return texts.compactMapValues { $0.map { [$0] } }.merging(lists) { $1 }
    }
}
