import Foundation
import Ledger
import Testing

@testable import API

@Suite("Settings by flag, environment and file")
struct SettingValuesTests {
    private func values(
        flags: [String: [String]] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws -> SettingValues {
        try SettingValues(flags: flags, environment: environment, file: file.map { Array($0.utf8) })
    }

    @Test("a flag goes before the environment, the environment before the file, the file before the default")
    func precedence() throws {
        let file = #"{"port":1,"region":"file","data-dir":"/file"}"#
        let environment = ["NRX_PORT": "2", "NRX_REGION": "environment"]
        let all = try values(flags: ["port": ["3"]], environment: environment, file: file)
        let configuration = try all.configuration()
        #expect(configuration.port == 3 && configuration.region == "environment")
        #expect(configuration.dataDirectory == "/file" && configuration.host == "127.0.0.1")
        let lines = all.description.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        for line in [
            "port 3 (flag)", "region environment (environment)", "data-dir /file (file)", "host 127.0.0.1 (default)",
            "origin - (default)",
        ] {
            #expect(lines.contains(line), "\(all)")
        }
    }

    @Test("nothing said is the server's own defaults")
    func defaults() throws {
        let (said, own) = (try values().configuration(), ServerConfiguration())
        #expect(String(reflecting: said) == String(reflecting: own))
    }

    @Test("secrets come by the environment alone, also under their usual names, and are never printed")
    func secrets() throws {
        let environment = [
            "NRX_STRIPE_SECRET_KEY": "sk_live_hidden", "STRIPE_SECRET_KEY": "sk_live_other",
            "STRIPE_WEBHOOK_SECRET": "whsec_one,whsec_two",
        ]
        let all = try values(environment: environment)
        let stripe = try all.configuration().stripe
        #expect(stripe.secretKey == "sk_live_hidden" && stripe.webhookSecrets == ["whsec_one", "whsec_two"])
        #expect(!all.description.contains("hidden") && !all.description.contains("whsec"))
        #expect(all.description.contains("(set)"))
        let inFile = #expect(throws: ServerError.self) { try values(file: #"{"stripe-secret-key":"sk_live_hidden"}"#) }
        #expect(inFile?.message.contains("NRX_STRIPE_SECRET_KEY") == true, "\(inFile?.message ?? "")")
        #expect(inFile?.message.contains("hidden") == false)
    }

    @Test("what belongs to paying, agents and recovery is read too")
    func others() throws {
        let all = try values(
            environment: ["NRX_NANDA_KEYS": "optional", "NRX_MAX_CONNECTIONS_PER_ADDRESS": "7"],
            file: #"{"stripe-price":["starter=price_1","business=price_2"],"billing-return-url":"https://a.example/"}"#)
        let configuration = try all.configuration()
        #expect(configuration.nandaKeys == .optional && configuration.connectionsPerAddressMax == 7)
        #expect(configuration.stripe.prices == [.starter: "price_1", .business: "price_2"])
        #expect(configuration.stripe.returnURL == "https://a.example/")
        let error = #expect(throws: ServerError.self) {
            try values(flags: ["log-recovery-key": ["/nonexistent.pub"]]).configuration()
        }
        #expect(error?.message.hasPrefix("--log-recovery-key: /nonexistent.pub") == true, "\(error?.message ?? "")")
    }

    @Test("lists: several flags, commas in the environment, an array in the file")
    func lists() throws {
        let proxies = ["10.0.0.0/8", "192.0.2.1"]
        for all in [
            try values(flags: ["trusted-proxy": proxies]),
            try values(environment: ["NRX_TRUSTED_PROXY": "10.0.0.0/8,192.0.2.1"]),
            try values(file: #"{"trusted-proxy":["10.0.0.0/8","192.0.2.1"]}"#),
        ] {
            #expect(try all.configuration().trustedProxies == proxies)
        }
    }

    @Test("on, off, true and false mean what they say everywhere")
    func truths() throws {
        for (text, expected) in [("on", true), ("true", true), ("off", false), ("false", false)] {
            let all = try values(environment: ["NRX_RECOMPRESS": text, "NRX_ADDRESS_LIMITS": text])
            let configuration = try all.configuration()
            #expect(configuration.recompressesLog == expected && configuration.limitsAddresses == expected)
        }
        #expect(try !values(file: #"{"recompress":false}"#).configuration().recompressesLog)
    }

    @Test("what is no setting in the file is refused by name, and so is a file that is no object")
    func unknownMembers() throws {
        for (file, said) in [
            (#"{"prot":80}"#, "`prot`"), (#"{"port":80,"port":81}"#, "JSON"), ("[]", "JSON"), ("", "JSON"),
            (#"{"port":null}"#, "`port`"), (#"{"port":{"a":1}}"#, "`port`"), (#"{"witness":[1]}"#, "`witness`"),
            (#"{"config":"other.json"}"#, "`config`"),
        ] {
            let error = #expect(throws: ServerError.self, "\(file)") { try values(file: file) }
            #expect(error?.message.contains(said) == true, "\(error?.message ?? "")")
        }
    }

    @Test("a wrong value is refused with where it was said, what it was and what it must be")
    func wrongValues() throws {
        let environment = #expect(throws: ServerError.self) { try values(environment: ["NRX_PORT": "eighty"]) }
        #expect(environment?.message == "--port (NRX_PORT): eighty must be a number from 0 to 65535.")
        let flag = #expect(throws: ServerError.self) { try values(flags: ["log-level": ["loud"]]) }
        #expect(flag?.message.hasPrefix("--log-level: loud must be one of trace, ") == true)
        let file = #expect(throws: ServerError.self) { try values(file: #"{"address-limits":"maybe"}"#) }
        #expect(file?.message == "--address-limits (in the configuration file): maybe must be on or off.")
    }

    @Test("a mistyped variable is named, a setting's and others' are not")
    func unknownVariables() throws {
        let all = try values(
            environment: ["NRX_PROT": "1", "NRX_PORT": "1", "NRX_CONFIG": "x", "PATH": "/", "NRX_DATADIR": "x"])
        #expect(all.unknownVariables == ["NRX_DATADIR", "NRX_PROT"])
    }

    @Test("the documentation has exactly these settings, and exactly these metrics")
    func documented() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/operations.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(text.contains("-->\n" + Setting.markdown + "\n<!-- end of settings -->"), "\(Setting.markdown)")
        let rows = MetricFamily.all.map { "| `\($0.name)` | \($0.kind.rawValue) | \($0.help) |" }
        #expect(text.contains("|---|---|---|\n" + rows.joined(separator: "\n") + "\n\n"), "\(rows)")
    }
}
