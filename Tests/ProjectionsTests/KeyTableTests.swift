import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

@testable import Projections

@Suite("The table of all keys")
struct KeyTableTests {
    private static func key(_ number: UInt64, secrets: [Hash], isRevoked: Bool = false) throws -> KeyWithSecrets {
        let issued = KeyIssued(
            customerID: CustomerID(high: 1, low: number), display: "nrx_live_a1b2", environment: .live, expiresAt: nil,
            keyID: KeyID(high: 2, low: number), name: "default", permissions: .full, prefix: .nanorixLive,
            secretSHA256: try #require(secrets.last))
        var entry = KeyEntry(issued, tier: .enterprise, sequence: Int64(number), customer: 1)
        entry.isRevoked = isRevoked
        let ended = secrets.dropLast().map { KeyEntry.Secret(sha256: $0, endsAt: Timestamp(microseconds: 5)) }
        let current = secrets.suffix(1).map { KeyEntry.Secret(sha256: $0, endsAt: nil) }
        return KeyWithSecrets(entry: entry, secrets: ended + current)
    }

    private static func hash(_ number: UInt64) -> Hash {
        Hash(of: withUnsafeBytes(of: number) { Array($0) })
    }

    @Test("However often the table grew, each of thousands of keys is found by its own secrets and by no other hash")
    func grows() throws {
        let table = KeyDirectory()
        let keys = 20_000 as UInt64
        for number in 0..<keys {
            table.publish([try Self.key(number, secrets: [Self.hash(2 * number), Self.hash(2 * number + 1)])])
        }
        #expect(table.count == Int(keys))
        for number in 0..<keys {
            let old = table.find(secretSHA256: Self.hash(2 * number))
            let new = table.find(secretSHA256: Self.hash(2 * number + 1))
            #expect(old?.key.id.low == number && old?.secretEndsAt == Timestamp(microseconds: 5))
            #expect(new?.key.id.low == number && new?.secretEndsAt == nil)
        }
        for number in 2 * keys..<2 * keys + 1_000 { #expect(table.find(secretSHA256: Self.hash(number)) == nil) }
    }

    @Test("Secrets whose hashes begin alike, up to the last byte, are told apart, also where their run wraps around")
    func collisions() throws {
        let table = KeyDirectory()
        // All bits of the place set: the run begins in the last slot and goes on in the first.
        func hash(_ last: UInt8) -> Hash? { Hash(bytes: [UInt8](repeating: 0xFF, count: 31) + [last]) }
        for last in 0..<64 as Range<UInt8> {
            table.publish([try Self.key(UInt64(last), secrets: [try #require(hash(last))])])
        }
        for last in 0..<64 as Range<UInt8> {
            #expect(table.find(secretSHA256: try #require(hash(last)))?.key.id.low == UInt64(last))
        }
        #expect(table.find(secretSHA256: try #require(hash(64))) == nil)
    }

    @Test("A changed key is changed for each of its secrets, and its secrets come back in their order")
    func changes() throws {
        let table = KeyDirectory()
        let secrets = (0..<4).map { Self.hash($0) }
        table.publish([try Self.key(7, secrets: Array(secrets.prefix(2)))])
        table.publish([try Self.key(7, secrets: secrets, isRevoked: true)])
        #expect(table.count == 1)
        for secret in secrets { #expect(table.find(secretSHA256: secret)?.key.isRevoked == true) }
        let kept = try #require(table.findWithSecrets(KeyID(high: 2, low: 7)))
        #expect(
            kept.secrets.map(\.sha256) == secrets
                && kept.secrets.map { $0.endsAt == nil } == [false, false, false, true])
        #expect(table.find(KeyID(high: 2, low: 7)) == kept.entry)
        #expect(table.find(KeyID(high: 2, low: 8)) == nil)
    }
}
