import Proofs
import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Projections
import Testing

@Suite struct KeyDirectoryTests {
    private let directory = try? TemporaryDirectory()

    @Test("A key is found by its secret's hash as soon as it is applied, and refused as soon as it is revoked")
    func inStep() throws {
        var world = World()
        let (customer, first) = try world.signUp(tier: .business)
        let key = world.newKey(permissions: .execute, expiresAt: world.now.adding(seconds: 100))
        try world.run(.issueKey(IssueKey(customerID: customer, key: key)))
        let store = try ProjectionStore(path: try #require(directory).file())
        #expect(store.keys.find(secretSHA256: key.secretSHA256) == nil)
        try store.apply(world.log)
        let entry = try #require(store.keys.find(secretSHA256: key.secretSHA256))
        #expect(entry.id == key.id && entry.customerID == customer && entry.tier == .business)
        #expect(entry.permissions == .execute && entry.environment == .live)
        #expect(entry.isActive(at: world.now) && !entry.isActive(at: world.now.adding(seconds: 100)))
        #expect(store.keys.find(key.id) == entry)
        try world.run(.revokeKey(RevokeKey(keyID: key.id)), as: .key(first))
        try store.apply([try #require(world.log.last)])
        #expect(store.keys.find(secretSHA256: key.secretSHA256)?.isActive(at: world.now) == false)
        #expect(store.keys.find(secretSHA256: Hash(of: [0])) == nil)
    }

    @Test(
        "Built from the table at opening, it says the same as the one that was kept in step and as the ledger's state",
        arguments: [3, 4] as [UInt64])
    func rebuilt(seed: UInt64) throws {
        var player = Player(seed: seed)
        for _ in 0..<1_500 { try? player.step() }
        let path = try #require(directory).file()
        let kept = try ProjectionStore(path: path)
        for envelope in player.world.log { try kept.apply([envelope]) }
        try kept.close()
        let rebuilt = try ProjectionStore(path: path)
        #expect(rebuilt.keys.count == kept.keys.count && rebuilt.keys.count > 20)
        for id in player.keys {
            #expect(rebuilt.keys.find(id) == kept.keys.find(id))
            let ruled = player.world.state.key(id)
            #expect(rebuilt.keys.find(id)?.isRevoked == ruled?.isRevoked)
            #expect(rebuilt.keys.find(id)?.permissions == ruled?.permissions)
        }
    }

    @Test("Many callers may ask while keys are being applied")
    func concurrent() async throws {
        var world = World()
        _ = try world.signUp()
        let store = try ProjectionStore(path: try #require(directory).file())
        try store.apply(world.log)
        var later = world
        for _ in 0..<200 { _ = try later.signUp() }
        let rest = Array(later.log[world.log.count...])
        let known = later.log.compactMap { envelope in
            envelope.event.data["secret_sha256"]?.string.flatMap { Hash(hex: $0) }
        }
        await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { known.reduce(0) { $0 + (store.keys.find(secretSHA256: $1) == nil ? 0 : 1) } }
            }
            for envelope in rest { #expect(throws: Never.self) { try store.apply([envelope]) } }
            for await found in group { #expect(found >= 1 && found <= known.count) }
        }
        #expect(known.allSatisfy { store.keys.find(secretSHA256: $0) != nil })
    }
}
