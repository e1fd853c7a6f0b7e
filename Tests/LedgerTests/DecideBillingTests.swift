import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

@Suite struct DecideBillingTests {
    /// A customer and the payment provider's words about it, each event with an id and a second of its own.
    private struct Payer {
        var world = World()
        let customer: CustomerID
        let key: KeyID
        var number: Int64 = 0

        init(tier: Tier = .free) throws {
            (customer, key) = try world.signUp(tier: tier)
        }

        var tier: Tier? { world.state.customer(customer)?.tier }
        var subscription: SubscriptionRecord? { world.state.customer(customer)?.subscription }

        mutating func news(
            _ news: RecordSubscription.News, _ tier: Tier? = nil, of name: String = "sub_1", created: Int64? = nil
        ) -> Command {
            number += 1
            return .recordSubscription(
                RecordSubscription(
                    customerID: customer, eventSHA256: Hash(of: Array("evt_\(number)".utf8)),
                    eventCreated: created ?? number, subscriptionSHA256: Hash(of: Array(name.utf8)),
                    sealedSubscription: "c2VhbGVk", news: news, tier: tier))
        }

        mutating func hear(
            _ news: RecordSubscription.News, _ tier: Tier? = nil, of name: String = "sub_1", created: Int64? = nil
        ) throws { try world.run(self.news(news, tier, of: name, created: created)) }

        mutating func pass(seconds: Int64) { world.now = world.now.adding(seconds: seconds) }
        mutating func endGrace() throws { try world.run(.endGrace(customer)) }
    }

    private static let grace: Int64 = 7 * 86_400

    @Test("A payment puts the customer on the plan at once, and cancelling ends it at once")
    func paidAndCancelled() throws {
        var payer = try Payer()
        try payer.hear(.paid, .starter)
        #expect(payer.tier == .starter && payer.subscription?.status == .active)
        try payer.hear(.paid, .business)
        #expect(payer.tier == .business)
        try payer.hear(.cancelled)
        #expect(payer.tier == .free && payer.subscription?.status == .ended)
        #expect(payer.world.state.overdueCustomers(at: World.time("2100-01-01T00:00:00Z")).isEmpty)
    }

    @Test("A failed payment leaves the plan for 7 days, to the microsecond, and then it is Free")
    func grace() throws {
        var payer = try Payer()
        try payer.hear(.paid, .business)
        let failedAt = payer.world.now
        try payer.hear(.paymentFailed)
        let end = failedAt.adding(seconds: Self.grace)
        #expect(payer.subscription?.graceEndsAt == end && payer.tier == .business)
        payer.pass(seconds: Self.grace - 1)
        // Tried again and failed again: the same grace.
        try payer.hear(.paymentFailed)
        #expect(payer.subscription?.graceEndsAt == end)
        #expect(payer.world.state.overdueCustomers(at: Timestamp(microseconds: end.microseconds - 1)).isEmpty)
        #expect(payer.world.refusal(.endGrace(payer.customer)) == .noNewsForTests)
        payer.pass(seconds: 1)
        #expect(payer.world.state.overdueCustomers(at: end) == [payer.customer])
        try payer.endGrace()
        #expect(payer.tier == .free && payer.subscription?.status == .unpaid)
        #expect(payer.world.state.overdueCustomers(at: World.time("2100-01-01T00:00:00Z")).isEmpty)
        // No second grace for the same failure.
        #expect(payer.world.refusal(payer.news(.paymentFailed))?.code == .conflict)
        try payer.hear(.paid)
        #expect(payer.tier == .business && payer.subscription?.status == .active)
    }

    @Test("A payment within the grace ends it; a later failure begins another one")
    func paidInTime() throws {
        var payer = try Payer()
        try payer.hear(.paid, .starter)
        try payer.hear(.paymentFailed)
        payer.pass(seconds: 86_400)
        try payer.hear(.paid)
        #expect(payer.subscription?.graceEndsAt == nil && payer.tier == .starter)
        payer.pass(seconds: 30 * 86_400)
        #expect(payer.world.refusal(.endGrace(payer.customer))?.code == .conflict)
        try payer.hear(.paymentFailed)
        #expect(payer.subscription?.graceEndsAt == payer.world.now.adding(seconds: Self.grace))
    }

    @Test("A subscription that is given up for want of payment keeps its grace, or gets one")
    func givenUp() throws {
        for failsFirst in [true, false] {
            var payer = try Payer()
            try payer.hear(.paid, .starter)
            if failsFirst { try payer.hear(.paymentFailed) }
            let end = payer.world.now.adding(seconds: Self.grace)
            if failsFirst { payer.pass(seconds: 86_400) }
            try payer.hear(.endedUnpaid)
            #expect(payer.tier == .starter && payer.subscription?.graceEndsAt == end)
            payer.pass(seconds: Self.grace)
            try payer.endGrace()
            #expect(payer.tier == .free && payer.subscription?.status == .ended)
        }
    }

    @Test("The same event counts once; what is overtaken, ended or about another subscription changes nothing")
    func noNews() throws {
        var payer = try Payer()
        let first = payer.news(.paid, .starter, created: 100)
        try payer.world.run(first)
        #expect(payer.world.refusal(first)?.code == .conflict)
        try payer.hear(.paymentFailed, created: 200)
        #expect(payer.world.refusal(payer.news(.paid, .starter, created: 199))?.code == .conflict)
        #expect(payer.subscription?.status == .pastDue)
        for news in [RecordSubscription.News.paymentFailed, .cancelled, .endedUnpaid] {
            #expect(payer.world.refusal(payer.news(news, .starter, of: "sub_other", created: 300))?.code == .conflict)
        }
        try payer.hear(.paid, .business, of: "sub_2", created: 300)
        #expect(payer.tier == .business)
        // The one that was followed has no say any more.
        for news in [RecordSubscription.News.paid, .cancelled] {
            #expect(payer.world.refusal(payer.news(news, .starter, created: 400))?.code == .conflict)
        }
        try payer.hear(.cancelled, of: "sub_2", created: 500)
        #expect(payer.world.refusal(payer.news(.paid, .business, of: "sub_2", created: 600))?.code == .conflict)
        #expect(payer.tier == .free)
    }

    @Test("What the operator gave is not the payment provider's to take")
    func operatorsPlan() throws {
        var payer = try Payer()
        try payer.hear(.paid, .starter)
        try payer.world.run(.changePlan(ChangePlan(customerID: payer.customer, tier: .enterprise)), as: .operator)
        try payer.hear(.paid)
        #expect(payer.tier == .enterprise)
        try payer.hear(.paymentFailed)
        payer.pass(seconds: Self.grace)
        try payer.endGrace()
        #expect(payer.tier == .enterprise)
        try payer.hear(.cancelled)
        #expect(payer.tier == .enterprise)
    }

    @Test("Nobody but the server says that somebody paid, and nobody but the customer goes to pay")
    func whoMay() throws {
        var payer = try Payer()
        let (_, stranger) = try payer.world.signUp()
        #expect(payer.world.refusal(payer.news(.paid, .starter), as: .key(payer.key))?.code == .forbidden)
        #expect(payer.world.refusal(.endGrace(payer.customer), as: .key(payer.key))?.code == .forbidden)
        func checkout(_ tier: Tier) -> Command { .startCheckout(StartCheckout(customerID: payer.customer, tier: tier)) }
        #expect(payer.world.refusal(checkout(.starter), as: .key(stranger))?.code == .notFound)
        for (tier, code) in [(Tier.free, Refusal.Code.badRequest), (.enterprise, .badRequest)] {
            #expect(payer.world.refusal(checkout(tier), as: .key(payer.key))?.code == code)
        }
        #expect(payer.world.refusal(checkout(.starter), as: .key(payer.key)) == nil)
        try payer.hear(.paid, .starter)
        #expect(payer.world.refusal(checkout(.starter), as: .key(payer.key))?.code == .conflict)
    }

    @Test("An erased customer's subscription says nothing to anybody")
    func erased() throws {
        var payer = try Payer()
        try payer.hear(.paid, .starter)
        try payer.hear(.paymentFailed)
        try payer.world.run(.eraseCustomer(payer.customer), as: .operator)
        #expect(payer.world.state.customer(subscriptionSHA256: Hash(of: Array("sub_1".utf8))) == nil)
        #expect(payer.world.state.overdueCustomers(at: World.time("2100-01-01T00:00:00Z")).isEmpty)
        #expect(payer.world.refusal(payer.news(.paid, .starter))?.code == .notFound)
    }
}

extension Refusal {
    fileprivate static let noNewsForTests = Refusal(
        .conflict, "This changes nothing: it is known, overtaken, or about something else.")
}
