import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Testing

@Suite struct RandomKeyHistoryTests {
    private static let addresses = ["10.1.2.3", "10.200.0.1", "192.0.2.1", "2001:db8::1", "2001:db9::1"].compactMap {
        InternetAddress($0)
    }

    @Test(
        "Over random histories no revoked, rotated or expired key is accepted, none that works is refused, and no limit is passed",
        arguments: 100...115 as ClosedRange<UInt64>)
    func keys(seed: UInt64) throws {
        var player = Player(seed: seed)
        var model = KeyModel()
        var (accepted, refused) = (0, 0)
        for step in 0..<2_000 {
            let before = player.world.log.count
            do { try player.keyStep() } catch { refused += 1 }
            let added = player.world.log[before...]
            let month = player.world.state.cycle.text
            model.learn(try added.map { try LedgerEvent($0.event) }, at: player.world.now, month: month)
            guard step.isMultiple(of: 16) else { continue }
            accepted += try probe(player, model)
            try checkLimits(player, model, month: month)
        }
        #expect(accepted > 100 && refused > 100, "\(accepted) accepted, \(refused) refused")
        var replayed = State()
        for envelope in player.world.log { try replayed.apply(envelope) }
        #expect(replayed == player.world.state)
    }

    /// Every secret there ever was, at this moment and around it, from somewhere.
    private func probe(_ player: Player, _ model: KeyModel) throws -> Int {
        var accepted = 0
        for (index, hash) in player.secrets.enumerated() {
            let address = Self.addresses[(index + player.world.log.count) % Self.addresses.count]
            for (seconds, from) in [(0, address), (50, address), (0, nil)] as [(Int64, InternetAddress?)] {
                let time = player.world.now.adding(seconds: seconds)
                let refusal = player.world.state.refusal(secretSHA256: hash, from: from, at: time)
                #expect((refusal == nil) == model.accepts(hash, from: from, at: time), "\(refusal as Any)")
                if refusal == nil { accepted += 1 }
            }
        }
        return accepted
    }

    private func checkLimits(_ player: Player, _ model: KeyModel, month: String) throws {
        let state = player.world.state
        for id in player.keys {
            guard let key = state.key(id), let customer = state.customer(key.customerID) else { continue }
            let counted = model.granted[id]?[month] ?? 0
            #expect(counted == key.requests(in: state.cycle))
            // A limit that was lowered below what is counted grants nothing more; it takes nothing back.
            let isOver = player.world.now >= state.cycle.end
            if let limit = key.requestsPerMonth(on: Plan.of(customer.tier)), counted > limit, !isOver {
                let more = player.world.context(.system)
                var generator = player.world.generator
                let command = Command.reserveRequests(ReserveRequests(keyID: id, requests: 1))
                #expect(throws: Refusal.self) { try state.decide(command, in: more, using: &generator) }
            }
        }
        for (place, active) in model.activeKeys(at: player.world.now) {
            let tier = try #require(state.customer(place.customer)).tier
            #expect(active <= Plan.of(tier).activeKeysMax(of: place.prefix) ?? .max)
        }
    }
}
