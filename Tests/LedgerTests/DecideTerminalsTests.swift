import EventStore
import Ledger
import LedgerFixtures
import Proofs
import Testing

@Suite("Terminals: decisions")
struct DecideTerminalsTests {
    private func open(_ world: inout World, _ session: SessionID, _ key: KeyID) throws -> TerminalID {
        let id = TerminalID(using: &world.generator)
        _ = try world.run(.openTerminal(OpenTerminal(sessionID: session, terminalID: id)), as: .key(key))
        return id
    }

    private func close(_ id: TerminalID, _ session: SessionID) -> Command {
        .closeTerminal(
            CloseTerminal(sessionID: session, terminalID: id, exitCode: 0, inputBytes: 1, outputBytes: 2))
    }

    @Test("a terminal's time is the ledger's own, and counts among the month's compute hours; a second end is refused")
    func time() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let session = try world.createSession(key)
        let id = try open(&world, session, key)
        world.now = world.now.adding(seconds: 90)
        let events = try world.run(close(id, session))
        guard case .sessionTerminalClosed(let closed)? = events.first else {
            Issue.record("\(events)")
            return
        }
        #expect(closed.wallMicroseconds == 90_000_000 && closed.outputBytes == 2)
        let cycle = world.state.cycle
        #expect(world.state.customer(customer)?.computeMicroseconds(in: cycle) == 90_000_000)
        #expect(world.refusal(close(id, session))?.code == .conflict)
    }

    @Test("none is opened when the month's compute hours are used up, in somebody else's session, or in one that ended")
    func refusals() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let (_, stranger) = try world.signUp()
        let session = try world.createSession(key)
        let another = Command.openTerminal(
            OpenTerminal(sessionID: session, terminalID: TerminalID(using: &world.generator)))
        #expect(world.refusal(another, as: .key(stranger))?.code == .notFound)
        let id = try open(&world, session, key)
        world.now = world.now.adding(seconds: 36_000)
        _ = try world.run(close(id, session))
        let refusal = world.refusal(another, as: .key(key))
        #expect(refusal?.code == .quotaExceeded && refusal?.exhausted == .computeHours)
        try world.end(session)
        #expect(world.refusal(another, as: .key(key))?.code == .conflict)
    }

    @Test("what is open when its session ends is closed with it, before the end, and counted")
    func sessionEnd() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let session = try world.createSession(key)
        let id = try open(&world, session, key)
        world.now = world.now.adding(seconds: 5)
        try world.end(session)
        let cycle = world.state.cycle
        #expect(world.state.customer(customer)?.computeMicroseconds(in: cycle) == 5_000_000)
        #expect(world.refusal(close(id, session))?.code == .conflict)
        #expect(world.state.isComplete)
    }
}
