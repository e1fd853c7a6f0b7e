import Proofs
import EventStore

extension State {
    /// Grants as much of the block as the month still allows, and no more than a hundredth of a monthly limit at once: a
    /// crash counts a whole block as used.
    func reserveRequests(_ command: ReserveRequests, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let (key, customer) = try counted(command.keyID, command.requests)
        var events: [Decided] = []
        if command.unused > 0 { events.append(try returned(command.unused, of: key)) }
        let cycle = cycle.advanced(to: context.at)
        var granted = command.requests
        if let limit = key.requestsPerMonth(on: Plan.of(customer.tier)) {
            // What is given back of a month that is over does not lower this month's count.
            let unused = key.reservedDay >= cycle.start.dayText ? command.unused : 0
            let left = limit - (key.requests(in: cycle) - unused)
            granted = min(granted, max(1, limit / KeyLimits.blocksPerMonthlyLimit), left)
            guard granted >= 1 else { throw .requestsExceeded(limit: limit) }
        }
        // A clock that was set back over the 1st counts on in the newer month.
        let day = max(context.at.dayText, key.reservedDay, cycle.start.dayText)
        return events + [tick(key, day, .reserved(granted))]
    }

    func returnRequests(_ command: ReturnRequests, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let (key, _) = try counted(command.keyID, command.requests)
        return [try returned(command.requests, of: key)]
    }

    private func returned(_ requests: Int64, of key: KeyRecord) throws(Refusal) -> Decided {
        guard requests <= key.reservedRequests else {
            throw Refusal(.conflict, "More requests are returned than were reserved.")
        }
        return tick(key, key.reservedDay, .returned(requests))
    }

    private func counted(_ id: KeyID, _ requests: Int64) throws(Refusal) -> (KeyRecord, CustomerRecord) {
        guard let key = keys[id], let customer = customers[key.customerID] else { throw .keyNotFound }
        guard requests >= 1 else {
            throw Refusal(.badRequest, "A block has at least one request.", field: "requests")
        }
        return (key, customer)
    }

    private func tick(_ key: KeyRecord, _ day: String, _ change: UsageTick.Change) -> Decided {
        let tick = UsageTick(change: change, customerID: key.customerID, day: day, keyID: key.id)
        return Decided(stream: key.customerID.text, event: .usageTick(tick))
    }
}
