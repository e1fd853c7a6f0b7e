import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

@Suite struct DecideKeysTests {
    private static let office = ["10.0.0.0/8", "2001:db8::/32"].compactMap { try? AddressRange($0) }
    private static let desk = ["10.1.0.0/16"].compactMap { try? AddressRange($0) }

    private func rotation(
        of key: KeyID, _ world: inout World, grace: Int64 = 0, prefix: KeyPrefix = .nanorixLive
    ) -> RotateKey {
        let new = world.newKey(prefix)
        return RotateKey(keyID: key, display: new.display, secretSHA256: new.secretSHA256, graceSeconds: grace)
    }

    private func issue(
        _ world: inout World, _ customer: CustomerID, by actor: Actor, _ change: (inout NewKey) -> Void = { _ in }
    ) throws -> NewKey {
        var key = world.newKey()
        change(&key)
        try world.run(.issueKey(IssueKey(customerID: customer, key: key)), as: actor)
        return key
    }

    @Test("Rotating without a grace: the old secret ends at once, the new one works, the id stays")
    func rotateAtOnce() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let old = try #require(world.state.key(key)).secretSHA256
        let rotation = rotation(of: key, &world)
        #expect(
            try world.run(.rotateKey(rotation), as: .key(key)) == [
                .keyRotated(
                    KeyRotated(
                        display: rotation.display, keyID: key, previousEndsAt: nil, secretSHA256: rotation.secretSHA256)
                )
            ])
        #expect(world.state.refusal(secretSHA256: old, from: nil, at: world.now) == .rotated)
        #expect(world.state.refusal(secretSHA256: rotation.secretSHA256, from: nil, at: world.now) == nil)
        #expect(world.state.key(secretSHA256: old)?.id == key)
        #expect(world.state.key(secretSHA256: rotation.secretSHA256)?.id == key)
    }

    @Test("With a grace the old secret works until its last moment; without one a later rotation ends it after all")
    func grace() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let first = try #require(world.state.key(key)).secretSHA256
        let second = rotation(of: key, &world, grace: 60)
        try world.run(.rotateKey(second), as: .key(key))
        let end = world.now.adding(seconds: 60)
        func refusal(_ hash: Hash, _ time: Timestamp) -> KeyRefusal? {
            world.state.refusal(secretSHA256: hash, from: nil, at: time)
        }
        #expect(refusal(first, Timestamp(microseconds: end.microseconds - 1)) == nil)
        #expect(refusal(first, end) == .rotated)
        #expect(refusal(second.secretSHA256, end) == nil)
        world.now = world.now.adding(seconds: 10)
        let third = rotation(of: key, &world, grace: 5)
        try world.run(.rotateKey(third), as: .key(key))
        #expect(refusal(first, world.now) == nil, "a promised grace is kept")
        #expect(refusal(second.secretSHA256, world.now.adding(seconds: 5)) == .rotated)
        try world.run(.rotateKey(rotation(of: key, &world)), as: .key(key))
        for hash in [first, second.secretSHA256, third.secretSHA256] { #expect(refusal(hash, world.now) == .rotated) }
    }

    @Test("At most five secrets of a key work at the same time, and a grace has a longest length")
    func secretsMax() throws {
        var world = World()
        let (_, key) = try world.signUp()
        for _ in 0..<4 { try world.run(.rotateKey(rotation(of: key, &world, grace: 100)), as: .key(key)) }
        #expect(world.refusal(.rotateKey(rotation(of: key, &world, grace: 100)), as: .key(key))?.code == .conflict)
        #expect(world.refusal(.rotateKey(rotation(of: key, &world)), as: .key(key)) == nil)
        world.now = world.now.adding(seconds: 100)
        #expect(world.refusal(.rotateKey(rotation(of: key, &world, grace: 100)), as: .key(key)) == nil)
        for grace in [-1, KeyLimits.graceSecondsMax + 1] {
            let refusal = world.refusal(.rotateKey(rotation(of: key, &world, grace: grace)), as: .key(key))
            #expect(refusal?.field == "grace_period")
        }
    }

    @Test("Revoked and expired keys are not rotated, and no secret is ever used twice")
    func noRotation() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        let expiring = try issue(&world, customer, by: .key(first)) { $0.expiresAt = World.start.adding(seconds: 5) }
        let used = try #require(world.state.key(first)).secretSHA256
        let twice = RotateKey(keyID: expiring.id, display: "nrx_live_a1b2", secretSHA256: used)
        #expect(world.refusal(.rotateKey(twice), as: .key(first))?.code == .conflict)
        let otherPrefix = rotation(of: expiring.id, &world, prefix: .nexora)
        #expect(world.refusal(.rotateKey(otherPrefix), as: .key(first))?.field == "display")
        world.now = world.now.adding(seconds: 5)
        #expect(world.refusal(.rotateKey(rotation(of: expiring.id, &world)), as: .key(first))?.code == .conflict)
        try world.run(.revokeKey(RevokeKey(keyID: expiring.id)), as: .key(first))
        for command in [
            Command.rotateKey(rotation(of: expiring.id, &world)), .changeKey(ChangeKey(keyID: expiring.id, name: "x")),
            .revokeKey(RevokeKey(keyID: expiring.id)),
        ] { #expect(world.refusal(command, as: .key(first))?.code == .conflict) }
    }

    @Test("Nobody gets at a stronger key's power: neither by rotating it nor by loosening it; ending it is allowed")
    func power() throws {
        var world = World()
        let (customer, strong) = try world.signUp()
        let weak = try issue(&world, customer, by: .key(strong)) { $0.permissions = [.keysWrite, .sessionsRead] }
        let by = Actor.key(weak.id)
        #expect(world.refusal(.rotateKey(rotation(of: strong, &world)), as: by)?.code == .forbidden)
        #expect(world.refusal(.changeKey(ChangeKey(keyID: strong, allowedAddresses: [])), as: by)?.code == .forbidden)
        let limit = ChangeKey(keyID: strong, monthlyLimit: KeyChanged.MonthlyLimit.none)
        #expect(world.refusal(.changeKey(limit), as: by)?.code == .forbidden)
        #expect(world.refusal(.changeKey(ChangeKey(keyID: strong, name: "renamed")), as: by) == nil)
        #expect(world.refusal(.revokeKey(RevokeKey(keyID: strong)), as: by) == nil)
        #expect(world.refusal(.rotateKey(rotation(of: weak.id, &world)), as: by) == nil)
    }

    @Test("Keys of the other environment are not there: not to be changed, rotated or revoked")
    func environments() throws {
        var world = World()
        let (customer, live) = try world.signUp()
        let test = try issue(&world, customer, by: .key(live)) {
            $0.prefix = .nanorixTest
            $0.display = "nrx_test_a1b2"
        }
        for (key, other, prefix) in [(live, test.id, KeyPrefix.nanorixTest), (test.id, live, .nanorixLive)] {
            let unknown = KeyID(using: &world.generator)
            for id in [other, unknown] {
                for command in [
                    Command.rotateKey(rotation(of: id, &world, prefix: prefix)),
                    .changeKey(ChangeKey(keyID: id, name: "x")), .revokeKey(RevokeKey(keyID: id)),
                ] { #expect(world.refusal(command, as: .key(key))?.code == .notFound) }
            }
        }
    }

    @Test("A key bound to addresses hands the bound on, can tighten it, and cannot get out of it")
    func addresses() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        let bound = try issue(&world, customer, by: .key(first)) { $0.allowedAddresses = Self.office }
        let by = Actor.key(bound.id)
        let heir = try issue(&world, customer, by: by)
        #expect(world.state.key(heir.id)?.allowedAddresses == Self.office)
        let tighter = try issue(&world, customer, by: by) { $0.allowedAddresses = Self.desk }
        #expect(world.state.key(tighter.id)?.allowedAddresses == Self.desk)
        var wider = world.newKey()
        wider.allowedAddresses = [try AddressRange("0.0.0.0/0")]
        #expect(
            world.refusal(.issueKey(IssueKey(customerID: customer, key: wider)), as: by)?.field == "allowed_addresses")
        for ranges in [[], wider.allowedAddresses] {
            let change = ChangeKey(keyID: bound.id, allowedAddresses: ranges)
            #expect(world.refusal(.changeKey(change), as: by)?.field == "allowed_addresses")
        }
        #expect(world.refusal(.rotateKey(rotation(of: first, &world)), as: by)?.field == "allowed_addresses")
        try world.run(.changeKey(ChangeKey(keyID: bound.id, allowedAddresses: Self.desk)), as: by)
        try world.run(.changeKey(ChangeKey(keyID: bound.id, allowedAddresses: [])), as: .key(first))
        #expect(world.state.key(bound.id)?.allowedAddresses == [])
    }

    @Test("A request from elsewhere, or from nobody knows where, is refused by a key that is bound to addresses")
    func wrongAddress() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        let key = try issue(&world, customer, by: .key(first)) { $0.allowedAddresses = Self.office }
        func refusal(_ address: String?) -> KeyRefusal? {
            world.state.refusal(
                secretSHA256: key.secretSHA256, from: address.flatMap { InternetAddress($0) }, at: world.now)
        }
        for address in ["10.200.0.1", "::ffff:10.0.0.1", "2001:db8::5"] { #expect(refusal(address) == nil) }
        for address in ["11.0.0.1", "2001:db9::5", "::a00:1", nil] { #expect(refusal(address) == .wrongAddress) }
    }

    @Test("Numbers and lists have bounds, a key does not change its own limit, and nothing to change is said")
    func bounds() throws {
        var world = World()
        let (customer, first) = try world.signUp()
        let other = try issue(&world, customer, by: .key(first))
        func field(_ change: ChangeKey, by key: KeyID) -> String? {
            world.refusal(.changeKey(change), as: .key(key))?.field
        }
        for limit in [0, -1, KeyLimits.monthlyLimitMax + 1] {
            #expect(field(ChangeKey(keyID: other.id, monthlyLimit: .requests(limit)), by: first) == "monthly_limit")
        }
        #expect(field(ChangeKey(keyID: first, monthlyLimit: .requests(5)), by: first) == "monthly_limit")
        let many = (0...KeyLimits.allowedAddressesMax).compactMap { try? AddressRange("10.0.0.\($0)") }
        #expect(field(ChangeKey(keyID: other.id, allowedAddresses: many), by: first) == "allowed_addresses")
        #expect(field(ChangeKey(keyID: other.id, name: ""), by: first) == "name")
        #expect(world.refusal(.changeKey(ChangeKey(keyID: other.id)), as: .key(first))?.code == .badRequest)
        var new = world.newKey()
        new.monthlyLimit = 0
        #expect(
            world.refusal(.issueKey(IssueKey(customerID: customer, key: new)), as: .key(first))?.field
                == "monthly_limit")
        new.monthlyLimit = nil
        new.permissions = []
        #expect(
            world.refusal(.issueKey(IssueKey(customerID: customer, key: new)), as: .key(first))?.field == "permissions")
    }

    @Test("A refusal is recorded once a day for each key and reason, and only where the key is known")
    func refusals() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        func record(_ reason: KeyRefusal) -> Command { .recordKeyRefusal(RecordKeyRefusal(keyID: key, reason: reason)) }
        #expect(
            try world.run(record(.revoked)) == [.keyRefused(KeyRefused(keyID: key, reason: .revoked))])
        #expect(world.log.last?.event.stream == customer.text)
        #expect(world.refusal(record(.revoked))?.code == .conflict)
        #expect(world.refusal(record(.expired)) == nil)
        #expect(world.refusal(record(.malformed)) != nil && world.refusal(record(.unknown)) != nil)
        world.now = World.time("2026-03-02T00:00:00Z")
        try world.run(record(.revoked))
        world.now = World.time("2026-03-01T23:59:59Z")
        #expect(world.refusal(record(.revoked))?.code == .conflict, "a clock set back opens no day again")
    }
}
