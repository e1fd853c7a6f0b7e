import EventStore
import Foundation
import Synchronization
import Testing

@testable import Proofs

/// A log key from a fixed seed.
struct TestSigner: CheckpointSigner {
    let seed: [UInt8]
    let verifierKey: VerifierKey

    init(origin: String = "ledger.example/log", seed: UInt8 = 7) throws {
        self.seed = [UInt8](repeating: seed, count: 32)
        verifierKey = try #require(
            VerifierKey(name: origin, publicKey: try ProofSigner(seed: self.seed).publicKey.rawBytes))
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] { try ProofSigner(seed: seed).sign(message) }
}

/// Remembers the highest signed head, as the vault does.
final class MemoryHeadKeeper: SignedHeadKeeper {
    private let highest = Mutex<TreeHead?>(nil)

    func highestSignedHead() -> TreeHead? { highest.withLock { $0 } }
    func recordSignedHead(_ head: TreeHead) { highest.withLock { $0 = head } }
}

/// A directory that is removed with the value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("nrx-replay-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A copy in a directory of its own.
    func copy() throws -> TemporaryDirectory {
        let copy = try TemporaryDirectory()
        try FileManager.default.removeItem(atPath: copy.path)
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        return copy
    }

    func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path + "/" + name))) }

    func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: URL(filePath: path + "/" + name)) }

    func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

    func file(_ name: String) -> String { path + "/" + name }
}
