import Testing

@testable import Sandbox

@Suite("The clock of a command")
struct ExecClockTests {
    @Test("Time up: asked to end, then made to, each once")
    func timeout() {
        var clock = ExecClock(start: 1_000, timeout: 500, grace: 200, drain: 100)
        #expect(clock.wait(now: 1_000) == 1)
        #expect(clock.tick(now: 1_499) == .none)
        #expect(clock.tick(now: 1_500) == .terminate)
        #expect(clock.timedOut)
        #expect(clock.tick(now: 1_501) == .none)
        #expect(clock.tick(now: 1_700) == .kill)
        #expect(clock.tick(now: 9_999_999) == .none)
        #expect(clock.wait(now: 1_700) == -1)
    }

    @Test("Without a limit nothing is due until the command ends, and then its pipes have a moment")
    func noLimit() {
        var clock = ExecClock(start: 0, timeout: nil, grace: 200, drain: 100)
        #expect(clock.wait(now: 5) == -1)
        #expect(clock.tick(now: .max / 2) == .none)
        clock.ended(now: 1_000)
        #expect(clock.tick(now: 1_099) == .none)
        #expect(clock.tick(now: 1_100) == .finish)
        #expect(!clock.timedOut)
    }

    @Test("A command that ends within its grace has timed out all the same")
    func endsInGrace() {
        var clock = ExecClock(start: 0, timeout: 100, grace: 1_000, drain: 50)
        #expect(clock.tick(now: 100) == .terminate)
        clock.ended(now: 150)
        #expect(clock.timedOut)
        #expect(clock.tick(now: 200) == .finish)
    }
}
