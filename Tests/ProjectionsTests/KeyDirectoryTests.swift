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
        let found = try #require(store.keys.find(secretSHA256: key.secretSHA256))
        let entry = found.key
        #expect(entry.id == key.id && entry.customerID == customer && entry.tier == .business)
        #expect(entry.permissions == .execute && entry.environment == .live && found.secretEndsAt == nil)
        #expect(found.refusal(from: nil, at: world.now) == nil)
        #expect(found.refusal(from: nil, at: world.now.adding(seconds: 100)) == .expired)
        #expect(store.keys.find(key.id) == entry)
        try world.run(.revokeKey(RevokeKey(keyID: key.id)), as: .key(first))
        try store.apply([try #require(world.log.last)])
        #expect(store.keys.find(secretSHA256: key.secretSHA256)?.refusal(from: nil, at: world.now) == .revoked)
        #expect(store.keys.find(secretSHA256: Hash(of: [0])) == nil)
    }

    @Test(
        "A presented text is found when it is a key's, is nobody's when it is not, and an error when no key can be it")
    func presented() throws {
        var world = World()
        let (customer, _) = try world.signUp(tier: .business)
        let store = try ProjectionStore(path: try #require(directory).file())
        let mine = try APIKey(prefix: .nanorixLive, secret: Array(repeating: 1, count: APIKey.secretBytes))
        var key = world.newKey()
        key.secretSHA256 = mine.storedHash
        try world.run(.issueKey(IssueKey(customerID: customer, key: key)))
        #expect(try store.keys.find(presented: mine.text) == nil, "an empty directory")
        try store.apply(world.log)
        #expect(try store.keys.find(presented: mine.text)?.key.id == key.id)
        let other = try APIKey(prefix: .nanorixLive, secret: Array(repeating: 2, count: APIKey.secretBytes))
        #expect(try store.keys.find(presented: other.text) == nil)
        for text in ["", "nrx_live_", String(mine.text.dropLast()) + "!", String(repeating: "a", count: 100_000)] {
            #expect(throws: ProofError.self) { try store.keys.find(presented: text) }
        }
    }

    @Test("A rotated key is found by both secrets, the old one until its grace is over")
    func rotated() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let old = try #require(world.state.key(key)).secretSHA256
        let new = world.newKey()
        try world.run(
            .rotateKey(
                RotateKey(keyID: key, display: new.display, secretSHA256: new.secretSHA256, graceSeconds: 30)))
        let store = try ProjectionStore(path: try #require(directory).file())
        try store.apply(world.log)
        let end = world.now.adding(seconds: 30)
        #expect(store.keys.find(secretSHA256: old)?.refusal(from: nil, at: world.now) == nil)
        #expect(store.keys.find(secretSHA256: old)?.refusal(from: nil, at: end) == .rotated)
        #expect(store.keys.find(secretSHA256: new.secretSHA256)?.refusal(from: nil, at: end) == nil)
        #expect(store.keys.count == 1)
    }

    @Test("A rotation without grace ends the grace of those before it, also for who reads the file")
    func graceEnded() throws {
        var world = World()
        let (_, key) = try world.signUp()
        var secrets = [try #require(world.state.key(key)).secretSHA256]
        for grace in [1_000, 2_000, 0] as [Int64] {
            world.now = world.now.adding(seconds: 10)
            let new = world.newKey()
            try world.run(
                .rotateKey(
                    RotateKey(keyID: key, display: new.display, secretSHA256: new.secretSHA256, graceSeconds: grace)))
            secrets.append(new.secretSHA256)
        }
        let path = try #require(directory).file()
        let kept = try ProjectionStore(path: path)
        try kept.apply(world.log)
        let before = secrets.map { kept.keys.find(secretSHA256: $0) }
        try kept.close()
        let read = try ProjectionStore(path: path)
        for directory in [kept.keys, read.keys] {
            let refusals = secrets.map { directory.find(secretSHA256: $0)?.refusal(from: nil, at: world.now) }
            #expect(refusals == [.rotated, .rotated, .rotated, nil])
        }
        #expect(before.map { $0?.secretEndsAt } == secrets.map { read.keys.find(secretSHA256: $0)?.secretEndsAt })
    }

    @Test("Secrets that agree in the eight bytes by which they are looked up are told apart")
    func collisions() throws {
        var world = World()
        let (customer, _) = try world.signUp()
        func hash(_ last: UInt8) -> Hash? { Hash(bytes: [UInt8](repeating: 7, count: 31) + [last]) }
        var issued: [KeyID] = []
        for last in 0..<4 as Range<UInt8> {
            var key = world.newKey()
            key.secretSHA256 = try #require(hash(last))
            try world.run(.issueKey(IssueKey(customerID: customer, key: key)))
            issued.append(key.id)
        }
        let store = try ProjectionStore(path: try #require(directory).file())
        for envelope in world.log { try store.apply([envelope]) }
        try world.run(.revokeKey(RevokeKey(keyID: issued[1])))
        try store.apply([try #require(world.log.last)])
        for (index, id) in issued.enumerated() {
            let secret = try #require(hash(UInt8(index)))
            let found = try #require(store.keys.find(secretSHA256: secret))
            #expect(found.key.id == id && found.key.isRevoked == (index == 1))
        }
        let absent = try #require(hash(4))
        #expect(store.keys.find(secretSHA256: absent) == nil)
    }

    @Test(
        "After any history it says of every secret what the ledger's state says, kept in step or built from the tables",
        arguments: 3...8 as ClosedRange<UInt64>)
    func rebuilt(seed: UInt64) throws {
        var player = Player(seed: seed)
        for _ in 0..<1_500 { try? player.keyStep() }
        let path = try #require(directory).file()
        let kept = try ProjectionStore(path: path)
        for envelope in player.world.log { try kept.apply([envelope]) }
        let before = kept.keys
        try kept.close()
        let rebuilt = try ProjectionStore(path: path)
        #expect(rebuilt.keys.count == before.count && rebuilt.keys.count > 20)
        for id in player.keys { #expect(rebuilt.keys.find(id) == before.find(id)) }
        let state = player.world.state
        let addresses = ["10.1.2.3", "10.200.0.1", "192.0.2.1", "2001:db8::1"].map { InternetAddress($0) }
        var reasons: Set<KeyRefusal?> = []
        for (index, hash) in player.secrets.enumerated() {
            let address = addresses[index % addresses.count]
            for seconds in [-5, 0, 50] as [Int64] {
                let time = player.world.now.adding(seconds: seconds)
                let ruled = state.refusal(secretSHA256: hash, from: address, at: time)
                for directory in [before, rebuilt.keys] {
                    let found = directory.find(secretSHA256: hash)
                    #expect((found.map { $0.refusal(from: address, at: time) } ?? .unknown) == ruled)
                    #expect(found?.key.id == state.key(secretSHA256: hash)?.id)
                }
                reasons.insert(ruled)
            }
            guard let key = state.key(secretSHA256: hash), let customer = state.customer(key.customerID) else {
                continue
            }
            #expect(rebuilt.keys.find(key.id)?.requestsPerMonth == key.requestsPerMonth(on: Plan.of(customer.tier)))
            #expect(
                try rebuilt.key(key.id, of: customer.id, in: key.environment)?.requests(in: state.cycle)
                    == key.requests(in: state.cycle))
        }
        #expect(reasons.isSuperset(of: [nil, .unknown, .revoked, .rotated, .expired]), "\(reasons)")
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
