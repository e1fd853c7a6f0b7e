import EventStore
import Proofs

extension State {
    mutating func apply(_ event: SessionTerminalOpened, _ place: Place) throws(ReplayError) {
        let session = try liveSession(place)
        guard session.verificationKey == nil else {
            throw place.error(.transition, "the session is being destroyed")
        }
        guard session.terminals[event.terminalID] == nil else {
            throw place.error(.reference, "this terminal is open already")
        }
        sessions[session.id]?.terminals[event.terminalID] = place.at
    }

    mutating func apply(
        _ event: SessionTerminalClosed, _ place: Place, _ cycle: BillingCycle
    ) throws(ReplayError) {
        let session = try liveSession(place)
        guard let openedAt = session.terminals[event.terminalID] else {
            throw place.error(.transition, "this terminal is not open in it")
        }
        guard event.wallMicroseconds == Self.open(since: openedAt, until: place.at) else {
            throw place.error(.counter, "the terminal was not open for so long")
        }
        sessions[session.id]?.terminals[event.terminalID] = nil
        if session.environment == .live {
            customers[session.customerID]?.count(computeMicroseconds: event.wallMicroseconds, in: cycle)
        }
    }
}
