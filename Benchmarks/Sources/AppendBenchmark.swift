import CanonicalJSON
import Crypto
import EventStore
import Foundation
import Glibc

/// Durable appends a second, beside what the disk's own fdatasync allows in the same run.
struct AppendBenchmark {
    let directory: String
    /// Seconds for each row.
    let seconds: Double

    struct Row {
        let writers: Int
        let appendsPerSecond: Double
    }

    /// Overwrites a zero-filled file, 512 bytes and an fdatasync at a time: what one lone append costs at least.
    func rawSyncsPerSecond(bytes: Int) throws -> Double {
        let path = directory + "/raw"
        let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw BenchmarkError("cannot create \(path)") }
        defer {
            close(descriptor)
            unlink(path)
        }
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for _ in 0..<32 { _ = write(descriptor, zeros, zeros.count) }
        fsync(descriptor)
        let block = [UInt8](repeating: 1, count: bytes)
        var count = 0
        let elapsed = measure(until: seconds) {
            pwrite(descriptor, block, block.count, off_t(count * 640 % (31 << 20)))
            fdatasync(descriptor)
            count += 1
        }
        return Double(count) / elapsed
    }

    func run(writers: Int) async throws -> Row {
        let path = directory + "/log-\(writers)"
        let signer = BenchmarkSigner()
        let log = try EventLog.open(
            directory: path, signer: signer, keeper: signer, clock: SystemClock.now,
            newEventID: { "evt_" + String(repeating: "0", count: 32) })
        let clock = ContinuousClock()
        let start = clock.now
        let end = start.advanced(by: .seconds(seconds))
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var appended = 0
                    while clock.now < end {
                        _ = try await log.append([sampleEvent(writer << 32 + appended)])
                        appended += 1
                    }
                    return appended
                }
            }
            return try await group.reduce(0, +)
        }
        let elapsed = start.duration(to: clock.now)
        try await log.close()
        try FileManager.default.removeItem(atPath: path)
        return Row(writers: writers, appendsPerSecond: Double(count) / elapsed.inSeconds)
    }
}

/// An event whose line is about 300 bytes.
func sampleEvent(_ number: Int) -> EventDraft {
    let digits = String(number, radix: 16)
    var data = JSONObject()
    data["customer_id"] = .string("cust_" + String(repeating: "a", count: 32 - digits.count) + digits)
    data["day"] = "2026-03-01"
    data["requests"] = .integer(Int64(number & 0xFFFF))
    return EventDraft(
        id: "evt_" + String(repeating: "0", count: 32 - digits.count) + digits, at: SystemClock.now(), actor: "system",
        stream: "cust_" + String(repeating: "b", count: 32 - digits.count) + digits, trace: "req_0123456789abcdef",
        type: "usage.tick", version: 1, data: data)
}

struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A log key for measuring; signs checkpoints as the vault does, keeps nothing.
struct BenchmarkSigner: CheckpointSigner, SignedHeadKeeper {
    private let key = Curve25519.Signing.PrivateKey()
    let verifierKey: VerifierKey

    init() {
        // A fresh key and a fixed name always fit the form.
        verifierKey = VerifierKey(name: "benchmark/log", publicKey: Array(key.publicKey.rawRepresentation))!
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] { Array(try key.signature(for: message)) }
    func highestSignedHead() -> TreeHead? { nil }
    func recordSignedHead(_ head: TreeHead) {}
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// Repeats `body` for about `seconds`; returns how long it took.
func measure(until seconds: Double, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    while start.duration(to: clock.now).inSeconds < seconds { try body() }
    return start.duration(to: clock.now).inSeconds
}
