import CanonicalJSON

/// What holds for every setting, and who said so. A flag goes before the environment, the environment before the file,
/// the file before what holds when nothing is said.
///
/// ```swift
/// let values = try SettingValues(flags: ["port": ["0"]], environment: ["NRX_REGION": "eu"], file: nil)
/// let configuration = try values.configuration()
/// ```
public struct SettingValues: Sendable {
    /// Who said it.
    public enum Source: String, Sendable {
        case flag, environment, file, fallback = "default"
    }

    struct Value: Sendable, Equatable {
        let texts: [String]
        let source: Source
    }

    private var values: [String: Value] = [:]
    /// Variables that begin with `NRX_` and name no setting: likely mistyped.
    public let unknownVariables: [String]

    /// Variables that are not settings of `serve`.
    private static let otherVariables: Set<String> = ["NRX_CONFIG"]

    /// - Parameters:
    ///   - flags: what was given on the command line, by the setting's name.
    ///   - environment: the process's environment.
    ///   - file: the bytes of the configuration file.
    /// - Throws: ``ServerError`` naming the setting, where it was said and what it must be.
    public init(flags: [String: [String]], environment: [String: String], file: [UInt8]?) throws(ServerError) {
        let members = try Self.members(of: file)
        for setting in Setting.all {
            let value: Value
            let place: String
            if let texts = flags[setting.name], !texts.isEmpty {
                (value, place) = (Value(texts: texts, source: .flag), "--\(setting.name)")
            } else if let text = Self.text(of: setting, in: environment) {
                let texts = setting.isSeveral ? text.split(separator: ",").map(String.init) : [text]
                (value, place) = (Value(texts: texts, source: .environment), "--\(setting.name) (\(setting.variable))")
            } else if let texts = members[setting.name] {
                (value, place) = (Value(texts: texts, source: .file), "--\(setting.name) (in the configuration file)")
            } else {
                values[setting.name] = Value(texts: setting.fallback.map { [$0] } ?? [], source: .fallback)
                continue
            }
            if let problem = setting.problem(with: value.texts) {
                throw ServerError("\(place): \(value.texts.joined(separator: ", ")) \(problem).")
            }
            values[setting.name] = value
        }
        let known = Set(Setting.all.map(\.variable)).union(Self.otherVariables)
        unknownVariables = environment.keys.filter { $0.hasPrefix("NRX_") && !known.contains($0) }.sorted()
    }

    /// The file is one JSON object whose members are settings; what is no setting is refused.
    private static func members(of file: [UInt8]?) throws(ServerError) -> [String: [String]] {
        guard let file else { return [:] }
        let object: JSONObject
        do {
            guard let read = try JSONReader.read(file).object else { throw JSONError(.unexpectedByte, at: 0) }
            object = read
        } catch {
            throw ServerError("The configuration file must be one JSON object: \(error).")
        }
        var members: [String: [String]] = [:]
        for member in object.members {
            guard let setting = Setting.all.first(where: { $0.name == member.name }) else {
                throw ServerError(
                    "The configuration file has `\(member.name)`, which is no setting. `nrx-server --print-config` shows"
                        + " all of them.")
            }
            guard !setting.isSecret else {
                throw ServerError(
                    "`\(member.name)` is a secret and does not belong in the configuration file. Give it as"
                        + " \(setting.variable).")
            }
            guard let texts = texts(of: member.value) else {
                throw ServerError(
                    "`\(member.name)` in the configuration file must be a text, a number, true, false, or an array of"
                        + " texts.")
            }
            members[member.name] = texts
        }
        return members
    }

    private static func text(of setting: Setting, in environment: [String: String]) -> String? {
        environment[setting.variable] ?? (setting.isSecret ? environment[setting.bareVariable] : nil)
    }

    private static func texts(of value: JSONValue) -> [String]? {
        switch value {
        case .string(let text): return [text]
        case .integer(let number): return [String(number)]
        case .bool(let truth): return [truth ? "on" : "off"]
        case .array(let elements):
            let texts = elements.compactMap(\.string)
            return texts.count == elements.count ? texts : nil
        default: return nil
        }
    }

    /// The one text of a setting; nil when nothing was said and nothing holds.
    public func text(_ name: String) -> String? { values[name]?.texts.first }

    /// All texts of a setting.
    func list(_ name: String) -> [String] { values[name]?.texts ?? [] }

    private func number(_ name: String) -> Int { text(name).flatMap(Int.init) ?? 0 }

    private func isOn(_ name: String) -> Bool { text(name).flatMap(Setting.truth) ?? false }

    /// Every setting with what holds and who said so, a line each. Of secrets only whether there is one; files are named,
    /// not read.
    public var description: String {
        let width = Setting.all.map(\.name.count).max() ?? 0
        return Setting.all.map { setting in
            let value = values[setting.name]
            let texts = value?.texts ?? []
            let text = setting.isSecret && !texts.isEmpty ? "(set)" : texts.joined(separator: ",")
            let name = setting.name + String(repeating: " ", count: width - setting.name.count)
            return "\(name)  \(text.isEmpty ? "-" : text)  (\(value?.source.rawValue ?? "default"))\n"
        }.joined()
    }

    /// The server's configuration, validated.
    public func configuration() throws(ServerError) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.host = text("host") ?? configuration.host
        configuration.port = number("port")
        configuration.dataDirectory = text("data-dir") ?? configuration.dataDirectory
        configuration.region = text("region") ?? configuration.region
        configuration.origin = text("origin")
        configuration.masterKeyFile = text("master-key-file")
        configuration.initPath = text("init-path")
        configuration.logRecoveryKey = try recoveryKey()
        configuration.allowedMissingLayers = list("allow-missing-layer")
        configuration.warmPoolSize = number("warm-pool")
        configuration.shutdownSecondsMax = number("shutdown-seconds")
        for text in list("witness") { configuration.witnesses.append(try Witness(text)) }
        configuration.recompressesLog = isOn("recompress")
        configuration.limitsAddresses = isOn("address-limits")
        configuration.trustedProxies = list("trusted-proxy")
        configuration.tlsCertificateFile = text("tls-cert")
        configuration.tlsKeyFile = text("tls-key")
        configuration.allowsInsecureHTTP = isOn("insecure-http")
        configuration.allowedOrigins = list("cors-origin")
        configuration.connectionsMax = number("max-connections")
        configuration.connectionsPerAddressMax = number("max-connections-per-address")
        configuration.nandaKeys = text("nanda-keys").flatMap(ServerConfiguration.NandaKeys.init(rawValue:)) ?? .required
        configuration.probeAgentsSeconds = text("probe-agents").flatMap(Int.init)
        configuration.probesPrivateAddresses = isOn("probe-private-addresses")
        configuration.stripe = try stripe()
        if let address = text("metrics-address") { configuration.metricsAddress = try MetricsAddress(address) }
        try configuration.validate()
        return configuration
    }
}

extension SettingValues {
    private func recoveryKey() throws(ServerError) -> LogRecoveryKey? {
        guard let text = text("log-recovery-key") else { return nil }
        do throws(ServerError) { return try LogRecoveryKey(keyOrFile: text) } catch {
            throw ServerError("--log-recovery-key: \(error.message)")
        }
    }

    private func stripe() throws(ServerError) -> StripeConfiguration {
        var stripe = StripeConfiguration()
        stripe.secretKey = text("stripe-secret-key")
        stripe.webhookSecrets = list("stripe-webhook-secret")
        stripe.url = text("stripe-url") ?? stripe.url
        stripe.returnURL = text("billing-return-url")
        for text in list("stripe-price") { try stripe.setPrice(text) }
        return stripe
    }
}

extension SettingValues: CustomStringConvertible {}

extension Setting {
    var isSecret: Bool { if case .secret = kind { true } else { false } }

    /// Whether there may be more than one text.
    var isSeveral: Bool { if case .list = kind { true } else { isSecret } }
}
