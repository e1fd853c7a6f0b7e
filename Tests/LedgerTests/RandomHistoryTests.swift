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
        var counted: [CustomerID: Counted] = [:]
        for _ in 0..<3_000 {
            do { try player.step() } catch { refusals[error.code, default: 0] += 1 }
            try checkLimits(player, &counted)
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

    /// What a customer had at the step before.
    private struct Counted {
        var live = 0
        var test = 0
        var proofs = 0
    }

    /// Nobody ever gets more than the plan allows. Who has more because the plan became smaller keeps it, and gets nothing.
    private func checkLimits(_ player: Player, _ counted: inout [CustomerID: Counted]) throws {
        let state = player.world.state
        for id in player.customers {
            guard let customer = state.customer(id) else { continue }
            let plan = Plan.of(customer.tier)
            let before = counted[id] ?? Counted()
            let now = Counted(
                live: customer.liveSessions, test: customer.testSessions, proofs: customer.proofs(in: state.cycle))
            counted[id] = now
            let sessionsMax = plan.concurrentSessions ?? .max
            #expect(now.live >= 0 && now.live <= max(sessionsMax, before.live))
            #expect(now.test >= 0 && now.test <= max(sessionsMax, before.test))
            #expect(now.proofs <= max(plan.proofsPerMonth ?? .max, before.proofs + max(0, before.live - now.live)))
            #expect(customer.requests(in: state.cycle) >= 0)
        }
    }
}
