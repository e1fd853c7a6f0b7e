import Crypto
import EventStore
import Synchronization

/// The campaign's log key, always the same.
struct CampaignSigner: CheckpointSigner {
    private let key: Curve25519.Signing.PrivateKey
    let verifierKey: VerifierKey

    init() throws {
        key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](100..<132))
        guard let named = VerifierKey(name: "ledger.example/log", publicKey: Array(key.publicKey.rawRepresentation))
        else { throw CampaignError("the campaign's key has no valid name") }
        verifierKey = named
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message)) }
}

/// Remembers the highest signed head as the vault does: apart from the log's disk, whose faults it survives.
final class CampaignHeadKeeper: SignedHeadKeeper {
    private let highest = Mutex<TreeHead?>(nil)

    func highestSignedHead() -> TreeHead? { highest.withLock { $0 } }
    func recordSignedHead(_ head: TreeHead) { highest.withLock { $0 = head } }
}

/// A campaign that could not be run.
public struct CampaignError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
