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
    /// Length of a log segment, in bytes.
    public var segmentBytes = 64 << 20
    /// Whether sealed log segments are rewritten in the background, smaller, with the same events and roots.
    public var recompressesLog = true

    public init() {}
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
        guard segmentBytes >= 1 << 20, segmentBytes.isMultiple(of: 512) else {
            throw ServerError("The segment size must be a multiple of 512, at least 1 MiB.")
        }
    }

    private static let regionCharacters = Array("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)
}
