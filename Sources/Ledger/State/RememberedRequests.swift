public import EventStore
public import Merkle

/// A request with an idempotency key that took effect less than ``secondsKept`` ago.
public struct RememberedRequest: Sendable, Equatable {
    /// How long an idempotency key stands for its request.
    public static let secondsKept: Int64 = 86_400

    /// Keyed hash of the request.
    public let requestSHA256: Hash
    /// Position in the log of the event that remembers it.
    public let sequence: UInt64
    public let at: Timestamp
    let customerID: CustomerID

    /// Whether a repeat at `time` is still a repeat.
    func isKept(at time: Timestamp) -> Bool { time < at.adding(seconds: Self.secondsKept) }
}

/// The remembered requests by their idempotency key; forgets what is too old whenever one is added.
struct RememberedRequests: Sendable, Equatable {
    /// Requests that are remembered for one customer at the same time; about 150 bytes each.
    static let perCustomerMax = 100_000

    private struct Place: Sendable, Equatable {
        let key: Hash
        let sequence: UInt64
        let at: Timestamp
        let customerID: CustomerID
    }

    private var byKey: [Hash: RememberedRequest] = [:]
    private var counts: [CustomerID: Int] = [:]
    /// In the order of the log; those before `first` are forgotten already.
    private var places: [Place] = []
    private var first = 0

    /// The request that `key` stands for at `time`.
    func find(_ key: Hash, at time: Timestamp) -> RememberedRequest? {
        byKey[key].flatMap { $0.isKept(at: time) ? $0 : nil }
    }

    /// Whether there is room for one more of `customer` at `time`.
    func hasRoom(for customer: CustomerID, at time: Timestamp) -> Bool {
        guard let count = counts[customer], count >= Self.perCustomerMax else { return true }
        // What nobody has added to for a while is forgotten only now.
        let old = places[first...].prefix { isOver($0, time) }
        return count - old.count { $0.customerID == customer && byKey[$0.key]?.sequence == $0.sequence }
            < Self.perCustomerMax
    }

    mutating func add(_ key: Hash, _ request: RememberedRequest) {
        forget(before: request.at)
        remove(key)
        byKey[key] = request
        counts[request.customerID, default: 0] += 1
        places.append(
            Place(key: key, sequence: request.sequence, at: request.at, customerID: request.customerID))
    }

    mutating func remove(_ key: Hash) {
        guard let request = byKey.removeValue(forKey: key) else { return }
        let left = (counts[request.customerID] ?? 1) - 1
        counts[request.customerID] = left > 0 ? left : nil
    }

    /// Forgets everything of a customer that is no more. Looks at every remembered request.
    mutating func removeAll(of customer: CustomerID) {
        guard counts[customer] != nil else { return }
        byKey = byKey.filter { $0.value.customerID != customer }
        counts[customer] = nil
    }

    private mutating func forget(before time: Timestamp) {
        while first < places.count, isOver(places[first], time) {
            // The key may stand for a newer request by now.
            if byKey[places[first].key]?.sequence == places[first].sequence { remove(places[first].key) }
            first += 1
        }
        if first > places.count / 2 {
            places.removeFirst(first)
            first = 0
        }
    }

    private func isOver(_ place: Place, _ time: Timestamp) -> Bool {
        place.at.adding(seconds: RememberedRequest.secondsKept) <= time
    }
}
