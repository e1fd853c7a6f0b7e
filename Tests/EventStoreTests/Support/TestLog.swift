import CanonicalJSON
import Crypto
import Foundation
import Synchronization
import Testing

@testable import EventStore
@testable import FaultCampaign

/// A log key from a fixed seed.
struct TestSigner: CheckpointSigner {
    let key: Curve25519.Signing.PrivateKey
    let verifierKey: VerifierKey

    init(origin: String = "ledger.example/log", seed: [UInt8] = Array(100..<132)) throws {
        key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        verifierKey = try #require(VerifierKey(name: origin, publicKey: Array(key.publicKey.rawRepresentation)))
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message)) }
}

/// Remembers the highest signed head as the vault does: it survives crashes of the log's disk.
final class MemoryHeadKeeper: SignedHeadKeeper {
    private let highest = Mutex<TreeHead?>(nil)

    func highestSignedHead() -> TreeHead? { highest.withLock { $0 } }
    func recordSignedHead(_ head: TreeHead) { highest.withLock { $0 = head } }
}

/// Refuses to go back, as the vault does.
final class StrictHeadKeeper: SignedHeadKeeper {
    private struct WentBack: Error {}
    private let highest = Mutex<TreeHead?>(nil)

    func highestSignedHead() -> TreeHead? { highest.withLock { $0 } }

    func recordSignedHead(_ head: TreeHead) throws {
        try highest.withLock { highest in
            guard head.size >= highest?.size ?? 0 else { throw WentBack() }
            highest = head
        }
    }
}

/// A directory that is removed with the value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("nrx-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

enum Fixtures {
    static let vectors = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "fixtures/vectors")

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: vectors.appending(path: name)))
    }

    static func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

    static func json(_ name: String) throws -> JSONValue { try JSONReader.read(try bytes(name)) }
}

/// Draft number `number`, always the same.
func draft(_ number: Int, padding: Int = 0) -> EventDraft {
    var data = JSONObject()
    data["n"] = .integer(Int64(number))
    if padding > 0 {
        // Does not compress well, so that batches span sectors.
        var generator = SeededGenerator(seed: UInt64(number))
        let noise = (0..<padding).map { _ in Character(Unicode.Scalar(UInt8.random(in: 97...122, using: &generator))) }
        data["padding"] = .string(String(noise))
    }
    let id = String(number, radix: 16)
    return EventDraft(
        id: "evt_" + String(repeating: "0", count: 32 - id.count) + id,
        at: Timestamp(microseconds: 1_772_373_600_000_000 + Int64(number)), actor: "system", stream: "sess_test",
        trace: "req_0", type: "usage.tick", version: 1, data: data)
}

/// A small log: segments of 4 KiB, no threads that prepare ahead.
func smallConfiguration() -> EventLogConfiguration {
    var configuration = EventLogConfiguration()
    configuration.segmentBytes = 4096
    configuration.preparesSegmentsAhead = false
    configuration.recompressesSealedSegments = false
    return configuration
}

/// Opens a log on the real file system.
func openLog(
    _ directory: String, keeper: any SignedHeadKeeper = MemoryHeadKeeper(),
    configuration: EventLogConfiguration = smallConfiguration(), origin: String = "ledger.example/log"
) throws -> EventLog {
    try EventLog.open(
        directory: directory, signer: try TestSigner(origin: origin), keeper: keeper, configuration: configuration,
        clock: { Timestamp(microseconds: 1_772_373_600_000_000) },
        newEventID: { "evt_" + String(repeating: "f", count: 32) })
}

/// Runs a program and returns what it printed.
func run(_ command: String) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", command]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
}

extension Fixtures {
    static func bytesOfFile(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }
}
