import Proofs
import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Testing

@Suite struct RandomHistoryTests {
    @Test(
        "Whatever is decided is legal, for every seed: the log of decisions replays to the same state",
        arguments: 1...12 as ClosedRange<UInt64>)
    func decisionsAreLegal(seed: UInt64) throws {
        var player = Player(seed: seed)
        var refusals: [Refusal.Code: Int] = [:]
        for _ in 0..<3_000 {
            do { try player.step() } catch { refusals[error.code, default: 0] += 1 }
            try checkLimits(player)
        }
        #expect(refusals[.inconsistent] == nil)
        #expect((refusals[.notFound] ?? 0) > 0 && (refusals[.conflict] ?? 0) > 0)
        var replayed = State()
        for envelope in player.world.log {
            let line = envelope.event.line(at: envelope.sequence)
            try replayed.apply(try line.withUnsafeBufferPointer { try Envelope(line: $0) })
        }
        #expect(replayed == player.world.state)
        #expect(replayed.counts.endedSessions > 20)
    }

    private func checkLimits(_ player: Player) throws {
        let state = player.world.state
        for id in player.customers {
            guard let customer = state.customer(id) else { continue }
            let plan = Plan.of(customer.tier)
            #expect(customer.liveSessions >= 0 && customer.liveSessions <= plan.concurrentSessions ?? .max)
            #expect(customer.testSessions >= 0 && customer.testSessions <= plan.concurrentSessions ?? .max)
            #expect(customer.proofs(in: state.cycle) <= plan.proofsPerMonth ?? .max)
            #expect(customer.requests(in: state.cycle) >= 0)
        }
    }
}
