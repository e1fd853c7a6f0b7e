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
            "What a plan costs at Stripe: starter or business, and the price's id. May be given several times. The secret "
                + "key and the webhook's signing secret are NRX_STRIPE_SECRET_KEY and NRX_STRIPE_WEBHOOK_SECRET.",
            valueName: "plan=price"))
    var stripePrice: [String] = []
    @Option(help: "Where Stripe's API is (default: https://api.stripe.com).") var stripeUrl: String?
    @Option(help: "Where Stripe sends a payer back to (default: this server).") var billingReturnUrl: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?

    func run() async throws {
        var logger = Logger(label: "nrx") { ServerLogHandler(label: $0) }
        logger.logLevel = try level()
        // What was asked for wrongly is a usage error (exit code 64); what then fails is not (1).
        let configuration = try configuration()
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
        configuration.logRecoveryKey = try recoveryKeyToName(logRecoveryKey)
        configuration.masterKeyFile = masterKeyFile ?? environment("MASTER_KEY_FILE")
        configuration.initPath = initPath ?? environment("INIT_PATH")
        configuration.warmPoolSize = try number(warmPool, "WARM_POOL", in: 0...256) ?? configuration.warmPoolSize
        configuration.shutdownSecondsMax =
            try number(shutdownSeconds, "SHUTDOWN_SECONDS", in: 1...3_600) ?? configuration.shutdownSecondsMax
        configuration.allowedMissingLayers = list(allowMissingLayer, "ALLOW_MISSING_LAYER")
        configuration.limitsAddresses = try isOn(addressLimits, "ADDRESS_LIMITS") ?? configuration.limitsAddresses
        if let text = nandaKeys ?? environment("NANDA_KEYS") {
            guard let rule = ServerConfiguration.NandaKeys(rawValue: text) else {
                throw ValidationError("--nanda-keys must be required or optional.")
            }
            configuration.nandaKeys = rule
        }
        configuration.trustedProxies = list(trustedProxy, "TRUSTED_PROXY")
        configuration.tlsCertificateFile = tlsCert ?? environment("TLS_CERT")
        configuration.tlsKeyFile = tlsKey ?? environment("TLS_KEY")
        configuration.allowsInsecureHTTP = try insecureHttp || isOn(nil, "INSECURE_HTTP") ?? false
        configuration.allowedOrigins = list(corsOrigin, "CORS_ORIGIN")
        configuration.connectionsMax =
            try number(maxConnections, "MAX_CONNECTIONS", in: 1...1_000_000) ?? configuration.connectionsMax
        configuration.connectionsPerAddressMax =
            try number(maxConnectionsPerAddress, "MAX_CONNECTIONS_PER_ADDRESS", in: 1...1_000_000)
            ?? configuration.connectionsPerAddressMax
        do throws(ServerError) {
            for text in list(witness, "WITNESS") { configuration.witnesses.append(try Witness(text)) }
        } catch { throw ValidationError(error.message) }
        configuration.stripe = try stripe()
        configuration.recompressesLog = try recompress ?? truth("RECOMPRESS") ?? configuration.recompressesLog
        do throws(ServerError) { try configuration.validate() } catch { throw ValidationError(error.message) }
        return configuration
    }

    /// Secrets come by the environment alone: anyone on the machine can read a command line.
    private func stripe() throws -> StripeConfiguration {
        var stripe = StripeConfiguration()
        let bare = ProcessInfo.processInfo.environment
        stripe.secretKey = environment("STRIPE_SECRET_KEY") ?? bare["STRIPE_SECRET_KEY"]
        stripe.webhookSecrets = (environment("STRIPE_WEBHOOK_SECRET") ?? bare["STRIPE_WEBHOOK_SECRET"] ?? "")
            .split(separator: ",").map(String.init)
        stripe.url = stripeUrl ?? environment("STRIPE_URL") ?? stripe.url
        stripe.returnURL = billingReturnUrl ?? environment("BILLING_RETURN_URL")
        do throws(ServerError) {
            for text in list(stripePrice, "STRIPE_PRICE") { try stripe.setPrice(text) }
        } catch { throw ValidationError(error.message) }
        return stripe
    }

    /// What was given several times, or once in the environment with commas.
    private func list(_ flags: [String], _ name: String) -> [String] {
        flags.isEmpty ? (environment(name) ?? "").split(separator: ",").map(String.init) : flags
    }

    private func isOn(_ flag: String?, _ name: String) throws -> Bool? {
        switch flag ?? environment(name) {
        case nil: return nil
        case "on": return true
        case "off": return false
        default: throw ValidationError("\(option(name)) must be on or off.")
        }
    }

    /// How a setting is called on the command line.
    private func option(_ name: String) -> String { "--" + name.lowercased().replacing("_", with: "-") }

    private func truth(_ name: String) throws -> Bool? {
        guard let text = environment(name) else { return nil }
        guard let value = Bool(text) else { throw ValidationError("NRX_\(name) must be true or false.") }
        return value
    }

    private func number(_ flag: Int?, _ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = environment(name) ?? flag.map(String.init) else { return nil }
        guard let number = flag ?? Int(text), range.contains(number) else {
            throw ValidationError("\(option(name)) must be a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }
}
