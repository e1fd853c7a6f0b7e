import Proofs
import EventStore

extension State {
    mutating func apply(_ event: CustomerCreated, _ place: Place, _ cycle: BillingCycle) throws(ReplayError) {
        let id = try place.streamID(CustomerID.self)
        guard customers[id] == nil else { throw place.error(.reference, "this customer exists already") }
        customers[id] = CustomerRecord(
            id: id, tier: event.tier, jurisdiction: event.jurisdiction, createdAt: place.at, cycle: cycle)
    }

    mutating func apply(_ event: KeyIssued, _ place: Place) throws(ReplayError) {
        try checkCustomerStream(event.customerID, place)
        guard keys[event.keyID] == nil else { throw place.error(.reference, "this key exists already") }
        guard keysBySecret[event.secretSHA256] == nil else {
            throw place.error(.reference, "another key has the same secret")
        }
        keys[event.keyID] = KeyRecord(
            id: event.keyID, customerID: event.customerID, prefix: event.prefix, permissions: event.permissions,
            secretSHA256: event.secretSHA256, expiresAt: event.expiresAt, cycleStart: cycle.start)
        keysBySecret[event.secretSHA256] = event.keyID
        customers[event.customerID]?.keys.append(event.keyID)
    }

    mutating func apply(_ event: KeyRevoked, _ place: Place) throws(ReplayError) {
        guard let key = keys[event.keyID] else { throw place.error(.reference, "there is no such key") }
        try checkCustomerStream(key.customerID, place)
        guard !key.isRevoked else { throw place.error(.transition, "this key is revoked already") }
        keys[event.keyID]?.isRevoked = true
        customers[key.customerID]?.keys.removeAll { $0 == event.keyID }
    }

    mutating func apply(_ event: UsageTick, _ place: Place, _ cycle: BillingCycle) throws(ReplayError) {
        try checkCustomerStream(event.customerID, place)
        guard var key = keys[event.keyID], key.customerID == event.customerID else {
            throw place.error(.reference, "this customer has no such key")
        }
        let requests: Int64
        switch event.change {
        case .reserved(let count):
            guard event.day >= key.reservedDay else {
                throw place.error(.counter, "a later day, \(key.reservedDay), has been counted already")
            }
            key.reservedRequests = (event.day == key.reservedDay ? key.reservedRequests : 0) + count
            key.reservedDay = event.day
            requests = count
        case .returned(let count):
            guard event.day == key.reservedDay, count <= key.reservedRequests else {
                throw place.error(.counter, "more is returned than was reserved on that day")
            }
            key.reservedRequests -= count
            // A block of last month is closed: what it returns does not lower this month's count.
            requests = event.day >= cycle.start.dayText ? -count : 0
        }
        key.count(requests: requests, in: cycle)
        keys[event.keyID] = key
        if key.environment == .live { customers[event.customerID]?.count(requests: requests, in: cycle) }
    }

    private func checkCustomerStream(_ id: CustomerID, _ place: Place) throws(ReplayError) {
        guard place.stream == id.text else {
            throw place.error(.stream, "the stream is not the customer whose key this is")
        }
        guard customers[id] != nil else { throw place.error(.reference, "there is no such customer") }
    }
}
