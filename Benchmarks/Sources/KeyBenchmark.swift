import EventStore
import Foundation
import Ledger
import Projections
import Proofs

/// What it costs to find out whose an API key is, among a hundred thousand keys and with one alone: reading it, its
/// checksum and hash, the look-up, the comparison, expiry, revocation and addresses.
enum KeyBenchmark {
    static let keys = 100_000

    static func rows(in directory: String, rounds: Rounds) async throws -> [Table.Row] {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let many = try SampleKeys(count: keys, path: directory + "/many.sqlite")
        let one = try SampleKeys(count: 1, path: directory + "/one.sqlite")
        let medians = try await rounds.medians([
            { seconds in try many.authentications(for: seconds) }, { seconds in try one.authentications(for: seconds) },
        ])
        return [
            Table.Row(
                name: "authenticate, \(keys) keys (time)", ours: rateText(medians[0]), peer: "the same with 1 key",
                theirs: rateText(medians[1]), ratio: medians[1] / medians[0], target: .atMost(1.2))
        ]
    }
}

/// A store with so many keys, and the texts that requests present, in random order.
private struct SampleKeys {
    /// Authentications between two looks at the clock.
    private static let atOnce = 256

    private let store: ProjectionStore
    private let presented: [String]
    private let now = SystemClock.now()

    init(count: Int, path: String) throws {
        store = try ProjectionStore(path: path)
        let customer = CustomerID(high: 1, low: 1)
        let created = CustomerCreated(jurisdiction: .europeanUnion, sealedEmail: "c2VhbGVk", tier: .enterprise)
        var envelopes = [Envelope(sequence: 0, event: Self.draft(created, customer, now))]
        var texts: [String] = []
        for number in 0..<count {
            let secret = (0..<APIKey.secretBytes).map { _ in UInt8.random(in: .min ... .max) }
            let key = try APIKey(prefix: .nanorixLive, secret: secret)
            let issued = KeyIssued(
                customerID: customer, display: key.displayPrefix, environment: .live, expiresAt: nil,
                keyID: KeyID(high: 2, low: UInt64(number)), name: "benchmark", permissions: .full,
                prefix: .nanorixLive, secretSHA256: key.storedHash)
            envelopes.append(Envelope(sequence: UInt64(number + 1), event: Self.draft(issued, customer, now)))
            texts.append(key.text)
        }
        try store.apply(envelopes)
        // As many texts for one key, each in a place of its own: only the directories differ between the two.
        presented = (0..<KeyBenchmark.keys).map { String(decoding: Array(texts[$0 % count].utf8), as: UTF8.self) }
            .shuffled()
    }

    private static func draft(_ payload: some EventPayload, _ customer: CustomerID, _ time: Timestamp) -> EventDraft {
        EventDraft(
            id: SampleEvents.newEventID(), at: time, actor: "system", stream: customer.text,
            trace: "req_0123456789abcdef", type: type(of: payload).type, version: type(of: payload).version,
            content: payload)
    }

    /// How many a second.
    func authentications(for seconds: Double) throws -> Double {
        var next = Int.random(in: 0..<presented.count)
        let batches = try rate(for: seconds) {
            for _ in 0..<Self.atOnce {
                next = next + 1 == presented.count ? 0 : next + 1
                guard let found = try store.keys.find(presented: presented[next]),
                    found.refusal(from: nil, at: now) == nil
                else { throw BenchmarkError("a key was refused") }
            }
        }
        return batches * Double(Self.atOnce)
    }
}
