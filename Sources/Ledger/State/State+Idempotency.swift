public import EventStore
public import Merkle

extension State {
    /// The request that took effect under the idempotency key with this hash less than 24 hours before `time`, or nil.
    public func rememberedRequest(_ key: Hash, at time: Timestamp) -> RememberedRequest? {
        remembered.find(key, at: time)
    }

    mutating func apply(_ event: IdempotencyRecorded, _ place: Place) throws(ReplayError) {
        let customerID = try place.streamID(CustomerID.self)
        guard customers[customerID] != nil else { throw place.error(.reference, "there is no such customer") }
        guard remembered.find(event.keySHA256, at: place.at) == nil else {
            throw place.error(.transition, "this idempotency key stands for another request")
        }
        remembered.add(
            event.keySHA256,
            RememberedRequest(
                requestSHA256: event.requestSHA256, sequence: place.sequence, at: place.at, customerID: customerID))
    }

    mutating func apply(_ event: IdempotencyReleased, _ place: Place) throws(ReplayError) {
        let customerID = try place.streamID(CustomerID.self)
        guard remembered.find(event.keySHA256, at: place.at)?.customerID == customerID else {
            throw place.error(.reference, "this idempotency key stands for no request of this customer")
        }
        remembered.remove(event.keySHA256)
    }
}
