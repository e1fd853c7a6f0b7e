import EventStore

extension State {
    mutating func apply(_ event: LogCreated, _ place: Place) {
        log = event
        logKeys = event.keys
    }

    mutating func apply(_ event: some LogKeyChange, _ place: Place) throws(ReplayError) {
        guard event.rotation.lastSize == place.sequence else {
            throw place.error(.reference, "the key is given up at another size than the one that the event stands at")
        }
        guard logKeys != nil else { throw place.error(.reference, "the log's first event names no verifier key") }
        do throws(NoteError) { try logKeys?.apply(event.rotation) } catch {
            throw place.error(.transition, "the log's key was not rotated by one that may: \(error)")
        }
    }
}
