import Ledger
import Proofs
import Sandbox

/// How one server runs. Every member is a flag of `nrx-server` and an environment variable `NRX_…`.
public struct ServerConfiguration: Sendable {
    public var host = "127.0.0.1"
    /// 0 picks a free one.
    public var port = 8080
    public var dataDirectory = "./nrx-data"
    /// Where this node runs; stands in health, events and proofs.
    public var region = "us"
    /// Name of the log; nil takes the one in the vault, or makes `localhost/nrx-ledger/<8 hex>`.
    public var origin: String?
    /// The vault's master key; nil keeps it in the vault's directory.
    public var masterKeyFile: String?
    /// The sandbox's init; nil looks beside the server's own program.
    public var initPath: String?
    /// Isolation layers that the operator allows to be missing; they stand in every proof.
    public var allowedMissingLayers: [String] = []
    /// Environments kept ready.
    public var warmPoolSize = 2
    /// Longest time that running commands get at a clean stop, in seconds.
    public var shutdownSecondsMax = 30
    /// Whether requests a minute are limited for each client address; off behind a proxy that does it, or for load tests.
    public var limitsAddresses = true
    /// Proxies whose `X-Forwarded-For` is believed, in CIDR notation.
    public var trustedProxies: [String] = []
    /// PEM files of the server's certificate chain and private key; nil for plain HTTP.
    public var tlsCertificateFile: String?
    public var tlsKeyFile: String?
    /// Whether plain HTTP may be served on an address that others can reach, because a proxy in front does TLS.
    public var allowsInsecureHTTP = false
    /// Origins whose pages may use the whole API from a browser, for example `https://app.example.com`.
    public var allowedOrigins: [String] = []
    /// Connections at the same time; more wait until one ends.
    public var connectionsMax = 1_024
    /// Where `/metrics` is served; nil for the administration socket only.
    public var metricsAddress: MetricsAddress?
    /// Who is asked to cosign the log's checkpoints.
    public var witnesses: [Witness] = []
    /// Connections of one client address at the same time, while ``limitsAddresses``; one more is closed.
    public var connectionsPerAddressMax = 256
    /// How plans are paid for.
    public var stripe = StripeConfiguration()
    /// The offline key that a new log names in its first event: it may endorse another key for the log when the vault is
    /// lost. Nil names none; a log that exists must name the same one.
    public var logRecoveryKey: LogRecoveryKey?
    /// Length of a log segment, in bytes.
    public var segmentBytes = 64 << 20
    /// Whether sealed log segments are rewritten in the background, smaller, with the same events and roots.
    public var recompressesLog = true

    /// Whether agents can be registered and changed in NANDA's dialect without a key.
    public var nandaKeys = NandaKeys.required
    /// Seconds from one probe of each registered agent to the next; nil asks none.
    public var probeAgentsSeconds: Int?
    /// Whether agents at addresses of this machine and its network are probed too, so that whoever registers one chooses what this
    /// node asks there.
    public var probesPrivateAddresses = false

    public init() {}

    /// NANDA's transition period: keys are taken and not asked for, until all of a registry's users have one.
    public enum NandaKeys: String, Sendable, CaseIterable {
        case optional, required
    }
}

/// A configuration that cannot work, and what to change.
public struct ServerError: Error, Sendable, CustomStringConvertible {
    public let message: String
    public var description: String { message }

    public init(_ message: String) { self.message = message }
}

extension ServerConfiguration {
    /// - Throws: ``ServerError`` naming the option that cannot work.
    public func validate() throws(ServerError) {
        guard !region.isEmpty, region.utf8.count <= 32, region.utf8.allSatisfy({ Self.regionCharacters.contains($0) })
        else { throw ServerError("--region must be 1 to 32 of a-z, 0-9 and -, for example eu.") }
        let known = Layer.allCases.map(\.rawValue)
        for layer in allowedMissingLayers where !known.contains(layer) {
            throw ServerError("--allow-missing-layer \(layer) is no layer. Known: \(known.joined(separator: ", ")).")
        }
        _ = try trustedProxyRanges()
        try stripe.validate()
        _ = try tlsFiles()
        for origin in allowedOrigins where !Self.isOrigin(origin) {
            throw ServerError("--cors-origin \(origin) is no origin. Write it like https://app.example.com.")
        }
        if let probeAgentsSeconds, !AgentProber.intervalSecondsRange.contains(probeAgentsSeconds) {
            let range = AgentProber.intervalSecondsRange
            throw ServerError("--probe-agents must be \(range.lowerBound) to \(range.upperBound) seconds.")
        }
        guard !probesPrivateAddresses || probeAgentsSeconds != nil else {
            throw ServerError("--probe-private-addresses means nothing without --probe-agents.")
        }
        guard segmentBytes >= 1 << 20, segmentBytes.isMultiple(of: 512) else {
            throw ServerError("The segment size must be a multiple of 512, at least 1 MiB.")
        }
    }

    /// Where certificate and key are, or nil for plain HTTP where that is safe or allowed.
    func tlsFiles() throws(ServerError) -> TLSFiles? {
        switch (tlsCertificateFile, tlsKeyFile) {
        case (let certificate?, let key?): return TLSFiles(certificateFile: certificate, privateKeyFile: key)
        case (nil, nil): break
        default: throw ServerError("--tls-cert and --tls-key belong together: give both or neither.")
        }
        guard isLoopback || allowsInsecureHTTP else {
            throw ServerError(
                "--host \(host) can be reached by others, and plain HTTP would send API keys in the clear. Give --tls-cert "
                    + "and --tls-key, or --insecure-http when a proxy in front of this server does TLS.")
        }
        return nil
    }

    private var isLoopback: Bool {
        if host == "localhost" { return true }
        return InternetAddress(host).map { address in Self.loopback.contain(address) } ?? false
    }

    private static let loopback = ["127.0.0.0/8", "::1"].compactMap { text -> AddressRange? in
        // Both are ranges.
        do { return try AddressRange(text) } catch { return nil }
    }

    /// Scheme, host and perhaps a port, nothing behind them (RFC 6454 §6.2).
    private static func isOrigin(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return false }
        let host = text.utf8.dropFirst(scheme.utf8.count)
        return !host.isEmpty
            && host.allSatisfy { Array("abcdefghijklmnopqrstuvwxyz0123456789.-:[]".utf8).contains($0) }
    }

    /// ``trustedProxies``, read.
    func trustedProxyRanges() throws(ServerError) -> [AddressRange] {
        var ranges: [AddressRange] = []
        for text in trustedProxies {
            do throws(AddressRange.Problem) { ranges.append(try AddressRange(text)) } catch {
                throw ServerError("--trusted-proxy \(text): \(error).")
            }
        }
        return ranges
    }

    private static let regionCharacters = Array("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)
}
