import Proofs
import EventStore

extension State {
    mutating func apply(_ event: CustomerCreated, _ place: Place, _ cycle: BillingCycle) throws(ReplayError) {
        let id = try place.streamID(CustomerID.self)
        guard customers[id] == nil, !erased.contains(id) else {
            throw place.error(.reference, "this customer exists already")
        }
        customers[id] = CustomerRecord(
            id: id, tier: event.tier, jurisdiction: event.jurisdiction, createdAt: place.at, cycle: cycle)
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
            guard event.day >= cycle.start.dayText else {
                throw place.error(.counter, "the month of \(event.day) is over")
            }
            guard key.monthlyLimit.map({ key.requests(in: cycle) + count <= $0 }) ?? true else {
                throw place.error(.counter, "the key's requests of this month are used up")
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

    func checkCustomerStream(_ id: CustomerID, _ place: Place) throws(ReplayError) {
        guard CustomerID(place.stream) == id else {
            throw place.error(.stream, "the stream is not the customer whose key this is")
        }
        guard customers[id] != nil else { throw place.error(.reference, "there is no such customer") }
    }
}
