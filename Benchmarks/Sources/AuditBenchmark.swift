import CSodium
import EventStore
import Foundation

/// Audits of a log by `nrx-replay`, against the least that stock tools would have to do: decompress and hash once.
enum AuditBenchmark {
    static func rows(in directory: String, replay: String, sessions: Int, rounds: Rounds) async throws -> [Table.Row] {
        guard FileManager.default.isExecutableFile(atPath: replay) else {
            throw BenchmarkError("there is no \(replay); make build")
        }
        let signer = try BenchmarkSigner()
        let log = try EventLog.open(
            directory: directory, signer: signer, keeper: signer, clock: SystemClock.now,
            newEventID: { SampleEvents.newEventID() })
        try await SampleHistory(log: log).writeSessions(sessions)
        let events = Double(log.head.size)
        try await log.close()
        let bare = try BareProofChecks(count: 1_024)
        let medians = try await rounds.medians([
            { _ in try TimedProgram.seconds(replay, ["audit", directory, "--integrity"]) },
            { _ in try TimedProgram.seconds(replay, ["audit", directory]) },
            { _ in try TimedProgram.seconds("/bin/sh", ["-c", stockTools(directory)]) },
            { _ in try TimedProgram.seconds(replay, ["audit", directory], cores: 1) },
            { seconds in
                var number = 0
                return try rate(for: seconds) {
                    try bare.check(number)
                    number += 1
                }
            },
        ])
        let proofs = Double(sessions / SampleHistory.sessionsAtOnce * SampleHistory.sessionsAtOnce)
        let ofProofs = Table.Row(
            name: "audit of sessions, one core", ours: rateText(proofs / medians[3]) + " proofs",
            peer: "libsodium: verify, check the key's point", theirs: rateText(medians[4]),
            ratio: proofs / medians[3] / medians[4],
            target: .atLeast(0.6))
        return zip(["audit --integrity", "audit, meaning and proofs too"], medians).enumerated().map {
            index, measured in
            Table.Row(
                name: measured.0, ours: rateText(events / measured.1) + " events", peer: "lz4 -dc | sha256sum",
                theirs: rateText(events / medians[2]) + " events", ratio: medians[2] / measured.1,
                target: index == 0 ? .atLeast(1.5) : nil)
        } + [ofProofs]
    }

    /// The integrity of events of 300 bytes each, on one core and on all.
    static func plainRows(in directory: String, replay: String, events: Int, rounds: Rounds) async throws -> [Table.Row]
    {
        let signer = try BenchmarkSigner()
        let log = try EventLog.open(
            directory: directory, signer: signer, keeper: signer, clock: SystemClock.now,
            newEventID: { SampleEvents.newEventID() })
        let drafts = SampleEvents.make(count: 8_192)
        let perAppend = 32
        for start in stride(from: 0, to: events, by: perAppend) {
            _ = try await log.append((0..<perAppend).map { drafts[(start + $0) % drafts.count] })
        }
        let count = Double(log.head.size)
        try await log.close()
        let medians = try await rounds.medians([
            { _ in try TimedProgram.seconds(replay, ["audit", directory, "--integrity"], cores: 1) },
            { _ in try TimedProgram.seconds("/bin/sh", ["-c", stockTools(directory)], cores: 1) },
            { _ in try TimedProgram.seconds(replay, ["audit", directory, "--integrity"]) },
        ])
        let (one, stock, all) = (count / medians[0], count / medians[1], count / medians[2])
        let name = "audit --integrity, 300-byte events"
        return [
            Table.Row(
                name: name + ", one core", ours: rateText(one) + " events", peer: "lz4 -dc | sha256sum, one core",
                theirs: rateText(stock) + " events", ratio: one / stock, target: .atLeast(1.5)),
            Table.Row(
                name: name + ", one core", ours: rateText(one) + " events", peer: "the aim", theirs: "500 k/s",
                ratio: one / 500_000, target: .atLeast(1)),
            Table.Row(
                name: name + ", all cores", ours: rateText(all) + " events", peer: "one core",
                theirs: rateText(one) + " events", ratio: all / one, target: .atLeast(1.6)),
        ]
    }

    private static func stockTools(_ directory: String) -> String {
        "cat '\(directory)'/*.jsonl.lz4 | lz4 -dc | sha256sum"
    }
}

/// What libsodium takes for a proof: its signature verified, and its key checked to be a point of the prime-order group,
/// which the format asks for too (docs/cdp.md). Every proof has a key of its own, so there are many.
private struct BareProofChecks {
    private struct Signed {
        var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
        var signature = [UInt8](repeating: 0, count: Int(crypto_sign_BYTES))
        var message = [UInt8](repeating: 0, count: 64)
    }

    private let signed: [Signed]

    init(count: Int) throws {
        guard sodium_init() >= 0 else { throw BenchmarkError("libsodium could not be initialised") }
        signed = (0..<count).map { _ in
            var one = Signed()
            var secretKey = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
            randombytes_buf(&one.message, one.message.count)
            // Neither can fail: both only compute.
            _ = crypto_sign_keypair(&one.publicKey, &secretKey)
            _ = crypto_sign_detached(&one.signature, nil, one.message, UInt64(one.message.count), secretKey)
            return one
        }
    }

    func check(_ number: Int) throws {
        let one = signed[number % signed.count]
        guard
            crypto_sign_verify_detached(one.signature, one.message, UInt64(one.message.count), one.publicKey) == 0,
            crypto_core_ed25519_is_valid_point(one.publicKey) == 1
        else { throw BenchmarkError("libsodium refused its own signature") }
    }
}
