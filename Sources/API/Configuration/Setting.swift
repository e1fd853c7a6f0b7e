/// One thing that can be set about a server: by a flag, an environment variable, or a member of the configuration file.
public struct Setting: Sendable {
    /// What its values look like.
    public enum Kind: Sendable {
        case text
        /// A whole number.
        case number(ClosedRange<Int>)
        case choice([String])
        /// `on` or `off`; `true` and `false` mean the same.
        case onOff
        /// Texts, of which there may be several.
        case list
        /// Texts, several while one replaces another, that only the environment may hold: anyone on the machine can read a
        /// command line, and files are copied. Never printed.
        case secret
    }

    /// As on the command line, without the dashes: `data-dir`.
    public let name: String
    public let kind: Kind
    /// What holds when nothing is said; nil for nothing at all.
    public let fallback: String?
    /// What it does, in a sentence that ends in a full stop.
    public let help: String

    /// `NRX_DATA_DIR`.
    public var variable: String { "NRX_" + bareVariable }

    /// `DATA_DIR`; secrets are also taken under the name that others give them.
    var bareVariable: String { name.uppercased().replacing("-", with: "_") }

    /// What is wrong with `values`, said of the setting itself; nil when nothing is.
    func problem(with values: [String]) -> String? {
        switch kind {
        case .list, .secret: return nil
        case .text: return values.count == 1 ? nil : "can be given only once"
        case .number(let range):
            let number = values.count == 1 ? Int(values[0]) : nil
            return number.map(range.contains) == true
                ? nil : "must be a number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let choices):
            return values.count == 1 && choices.contains(values[0])
                ? nil : "must be one of \(choices.joined(separator: ", "))"
        case .onOff: return values.count == 1 && Self.truth(values[0]) != nil ? nil : "must be on or off"
        }
    }

    /// What `on`, `off`, `true` or `false` says; nil for anything else.
    static func truth(_ text: String) -> Bool? { ["on": true, "true": true, "off": false, "false": false][text] }
}

extension Setting {
    private init(_ name: String, _ kind: Kind, _ fallback: String?, _ help: String) {
        (self.name, self.kind, self.fallback, self.help) = (name, kind, fallback, help)
    }

    /// Every setting, in the order of docs/operations.md.
    public static let all: [Setting] = [
        Setting("host", .text, "127.0.0.1", "Address to listen on."),
        Setting("port", .number(0...65_535), "8080", "Port to listen on; 0 picks a free one."),
        Setting("data-dir", .text, "./nrx-data", "Directory of the log, the vault and the projections."),
        Setting("region", .text, "us", "Where this node runs; stands in health, events and proofs."),
        Setting("origin", .text, "Name of a new log; without, `localhost/nrx-ledger/<8 hex>`."),
        Setting("master-key-file", .text, "File with the vault's master key; without, it is in the vault."),
        Setting("init-path", .text, "The sandbox's init program; without, the one beside nrx-server."),
        Setting("allow-missing-layer", .list, "Run sessions without this isolation layer; stands in every proof."),
        Setting(
            "log-recovery-key", .text,
            "The offline recovery key that a new log names: a verifier key or a `.pub` file."),
        Setting("warm-pool", .number(0...256), "2", "Environments kept ready for new sessions."),
        Setting("shutdown-seconds", .number(1...3_600), "30", "Seconds that running commands get at a clean stop."),
        Setting("witness", .list, "`URL=VKEY` of a witness that cosigns checkpoints (C2SP `tlog-witness`)."),
        Setting("recompress", .onOff, "on", "Rewrite sealed log segments in the background, smaller."),
        Setting(
            "address-limits", .onOff, "on", "Limit requests a minute and connections for each client address."),
        Setting("trusted-proxy", .list, "A proxy whose `X-Forwarded-For` is believed: an address or a CIDR block."),
        Setting("tls-cert", .text, "PEM file with the certificate chain; TLS with HTTP/1.1 and HTTP/2."),
        Setting("tls-key", .text, "PEM file with the private key of `tls-cert`."),
        Setting("insecure-http", .onOff, "off", "Plain HTTP on an address that others can reach, behind a TLS proxy."),
        Setting("cors-origin", .list, "An origin whose pages may use the whole API from a browser."),
        Setting("max-connections", .number(1...1_000_000), "1024", "Connections at the same time; more wait."),
        Setting(
            "max-connections-per-address", .number(1...1_000_000), "256",
            "Connections of one client address at the same time; more are closed."),
        Setting(
            "nanda-keys", .choice(["required", "optional"]), "required",
            "Whether agents are registered and changed with a key only."),
        Setting(
            "probe-agents", .number(60...86_400),
            "Seconds from one probe of each registered agent to the next; without, none is probed."),
        Setting(
            "probe-private-addresses", .onOff, "off",
            "Probe agents at addresses of this machine and its network too: whoever registers one chooses what is asked."
        ),
        Setting("stripe-secret-key", .secret, "Stripe's API key; without, there is no billing."),
        Setting(
            "stripe-webhook-secret", .secret, "What Stripe signs its webhooks with; several while one replaces another."
        ),
        Setting("stripe-price", .list, "What a plan costs at Stripe: `starter=price_…`, `business=price_…`."),
        Setting("stripe-url", .text, "https://api.stripe.com", "Where Stripe's API is."),
        Setting("billing-return-url", .text, "Where Stripe sends a payer back to; without, this server."),
        Setting(
            "metrics-address", .text,
            "`HOST:PORT` that serves `/metrics`; without, only the administration socket does."),
        Setting(
            "log-level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), "info",
            "From which level on the server logs."),
        Setting(
            "log-format", .choice(["auto", "text", "json"]), "auto",
            "`auto` is text on a terminal and JSON, a line each, elsewhere."),
    ]

    private init(_ name: String, _ kind: Kind, _ help: String) { self.init(name, kind, nil, help) }

    /// The table of all settings as docs/operations.md has it.
    public static var markdown: String {
        let rows = all.map { setting in
            "| \(setting.flag.map { "`\($0)`" } ?? "") | `\(setting.variable)` | \(setting.fallback.map { "`\($0)`" } ?? "") "
                + "| \(setting.form) | \(setting.help) |"
        }
        return (["| flag | environment | default | value | |", "|---|---|---|---|---|"] + rows)
            .joined(separator: "\n")
    }

    /// `--data-dir`; nil for secrets, which have none.
    var flag: String? { if case .secret = kind { nil } else { "--" + name } }

    private var form: String {
        switch kind {
        case .text: "text"
        case .number(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
        case .onOff: "`on`, `off`"
        case .list: "text, several"
        case .secret: "secret"
        }
    }
}
