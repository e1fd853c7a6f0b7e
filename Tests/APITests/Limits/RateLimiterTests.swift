import Ledger
import LedgerFixtures
import Synchronization
import Testing

@testable import API

/// A clock of microseconds that a test moves.
final class LimitClock: Sendable {
    private let time = Mutex<Int64>(1_000_000_000)
    var now: Int64 { time.withLock { $0 } }
    func advance(microseconds: Int64) { time.withLock { $0 += microseconds } }
    func advance(seconds: Int64) { advance(microseconds: seconds * 1_000_000) }
}

@Suite("Rate limiter")
struct RateLimiterTests {
    @Test("never more than the limit in any window, and never fewer than it under pressure, over random arrivals")
    func slidingWindow() {
        for seed in 0..<20 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let clock = LimitClock()
            let limiter = RateLimiter<Int>(now: { clock.now })
            let limit = RateLimit.perMinute(Int.random(in: 1...80, using: &generator))
            var admitted: [Int64] = []
            for _ in 0..<5_000 {
                clock.advance(microseconds: Int64.random(in: 0...400_000, using: &generator))
                let recent = admitted.count { $0 > clock.now - 60_000_000 }
                let verdict = limiter.admit(1, under: limit)
                if verdict.isAllowed {
                    #expect(recent < limit.requests, "one too many in a window")
                    admitted.append(clock.now)
                } else {
                    // Strict by at most the width of a group: two seconds.
                    let strict = admitted.count { $0 > clock.now - 62_000_000 }
                    #expect(strict >= limit.requests, "refused although there was room")
                }
            }
            #expect(admitted.count > limit.requests)
        }
    }

    @Test("a refusal says after how many whole seconds to come back, and then there is room; not a second earlier")
    func retryAfter() {
        let clock = LimitClock()
        let limiter = RateLimiter<Int>(now: { clock.now })
        let limit = RateLimit.perMinute(3)
        for left in [2, 1, 0] { #expect(limiter.admit(1, under: limit).remaining == left) }
        clock.advance(microseconds: 12_400_000)
        let refused = limiter.admit(1, under: limit)
        #expect(!refused.isAllowed)
        #expect(refused.retryAfterSeconds == 48)
        #expect(refused.resetSeconds == 48)
        clock.advance(seconds: 47)
        #expect(!limiter.admit(1, under: limit).isAllowed)
        clock.advance(seconds: 1)
        #expect(limiter.admit(1, under: limit).isAllowed)
    }

    @Test("two hundred requests at the same moment: exactly the limit is admitted")
    func parallel() async {
        let clock = LimitClock()
        let limiter = RateLimiter<Int>(now: { clock.now })
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<200 {
                group.addTask { limiter.admit(1, under: .perMinute(60)).isAllowed ? 1 : 0 }
            }
            return await group.reduce(0, +)
        }
        #expect(admitted == 60)
    }

    @Test("a limit that changes holds for the next request: an upgrade gives room at once, a downgrade takes it")
    func changedLimit() {
        let clock = LimitClock()
        let limiter = RateLimiter<Int>(now: { clock.now })
        for _ in 0..<60 { _ = limiter.admit(1, under: .perMinute(60)) }
        #expect(!limiter.admit(1, under: .perMinute(60)).isAllowed)
        #expect(limiter.admit(1, under: .perMinute(120)).remaining == 59)
        clock.advance(seconds: 30)
        for _ in 0..<20 { _ = limiter.admit(1, under: .perMinute(120)) }
        let refused = limiter.admit(1, under: .perMinute(10))
        #expect(!refused.isAllowed)
        #expect(refused.retryAfterSeconds == 60, "the newer requests alone are too many")
    }

    @Test("a clock that goes back neither forgets requests nor locks anybody out")
    func clockGoesBack() {
        let clock = LimitClock()
        let limiter = RateLimiter<Int>(now: { clock.now })
        for _ in 0..<3 { _ = limiter.admit(1, under: .perMinute(3)) }
        clock.advance(seconds: -3_600)
        let refused = limiter.admit(1, under: .perMinute(3))
        #expect(!refused.isAllowed)
        #expect(refused.retryAfterSeconds == 60)
        clock.advance(seconds: 3_660)
        #expect(limiter.admit(1, under: .perMinute(3)).isAllowed)
    }

    @Test("a million addresses: memory is bounded, who owed before still owes, and whoever pays up is let in again")
    func flood() {
        let clock = LimitClock()
        let limiter = RateLimiter<Int>(now: { clock.now })
        let limit = RateLimit.perMinute(10)
        for _ in 0..<10 { #expect(limiter.admit(-1, under: limit).isAllowed) }
        var admitted = 0
        for address in 0..<1_000_000 {
            if limiter.admit(address, under: limit).isAllowed { admitted += 1 }
            if address.isMultiple(of: 100_000) {
                clock.advance(seconds: 1)
                #expect(!limiter.admit(-1, under: limit).isAllowed, "the flood washed a debt away")
                #expect(limiter.count <= limiter.callersMax + limiter.sharedWindowsMax)
            }
        }
        #expect(limiter.count <= limiter.callersMax + limiter.sharedWindowsMax)
        #expect(admitted >= limiter.callersMax)
        #expect(admitted <= limiter.callersMax + limiter.sharedWindowsMax * limit.requests)
        clock.advance(seconds: 61)
        for address in [-1, 0, 999_999] { #expect(limiter.admit(address, under: limit).isAllowed) }
        #expect(limiter.count <= limiter.callersMax + limiter.sharedWindowsMax)
    }

    @Test("a newcomer who had to share a window does not leave its debt there when room appears")
    func debtInTheSharedWindow() {
        let clock = LimitClock()
        let limiter = RateLimiter<Int>(callersMax: 1, sharedWindowsMax: 1, now: { clock.now })
        let limit = RateLimit.perMinute(5)
        _ = limiter.admit(1, under: limit)
        clock.advance(seconds: 50)
        for _ in 0..<5 { #expect(limiter.admit(2, under: limit).isAllowed) }
        // Now the first is over and there is room for one.
        clock.advance(seconds: 15)
        #expect(!limiter.admit(2, under: limit).isAllowed)
        clock.advance(seconds: 45)
        #expect(limiter.admit(2, under: limit).isAllowed)
    }
}
