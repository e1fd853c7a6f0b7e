import Proofs
import EventStore
import Merkle

extension State {
    mutating func apply(_ event: KeyIssued, _ place: Place) throws(ReplayError) {
        try checkCustomerStream(event.customerID, place)
        guard keys[event.keyID] == nil else { throw place.error(.reference, "this key exists already") }
        guard secrets[event.secretSHA256] == nil else {
            throw place.error(.reference, "another key has the same secret")
        }
        keys[event.keyID] = KeyRecord(event, cycle: cycle)
        secrets[event.secretSHA256] = SecretRecord(keyID: event.keyID)
        customers[event.customerID]?.keys.append(event.keyID)
    }

    mutating func apply(_ event: KeyRotated, _ place: Place) throws(ReplayError) {
        var key = try unrevokedKey(event.keyID, place)
        guard key.isActive(at: place.at) else { throw place.error(.transition, "this key is expired") }
        guard secrets[event.secretSHA256] == nil else {
            throw place.error(.reference, "a key has this secret already")
        }
        guard event.previousEndsAt.map({ $0 > place.at }) ?? true else {
            throw place.error(.transition, "the grace of the secret before is over already")
        }
        secrets[key.secretSHA256]?.endsAt = event.previousEndsAt ?? place.at
        if event.previousEndsAt == nil {
            // Without a grace the rotation is an emergency: what still worked from earlier ones ends too.
            for hash in liveReplacedSecrets(of: key, at: place.at) { secrets[hash]?.endsAt = place.at }
            key.replacedSecrets = []
        } else {
            key.replacedSecrets = liveReplacedSecrets(of: key, at: place.at) + [key.secretSHA256]
        }
        key.secretSHA256 = event.secretSHA256
        secrets[event.secretSHA256] = SecretRecord(keyID: key.id)
        keys[key.id] = key
    }

    mutating func apply(_ event: KeyChanged, _ place: Place) throws(ReplayError) {
        var key = try unrevokedKey(event.keyID, place)
        if let ranges = event.allowedAddresses { key.allowedAddresses = ranges }
        if let limit = event.monthlyLimit { key.monthlyLimit = limit.requests }
        keys[key.id] = key
    }

    mutating func apply(_ event: KeyRevoked, _ place: Place) throws(ReplayError) {
        let key = try unrevokedKey(event.keyID, place)
        keys[key.id]?.isRevoked = true
        customers[key.customerID]?.keys.removeAll { $0 == key.id }
    }

    mutating func apply(_ event: KeyRefused, _ place: Place) throws(ReplayError) {
        let key = try ownKey(event.keyID, place)
        guard !key.hasRecordedRefusal(event.reason, at: place.at) else {
            throw place.error(.transition, "a refusal of this key for this reason is recorded for the day already")
        }
        keys[key.id]?.refusalDays[event.reason] = place.at.dayText
    }

    /// Replaced secrets of `key` that still work at `time`.
    func liveReplacedSecrets(of key: KeyRecord, at time: Timestamp) -> [Hash] {
        key.replacedSecrets.filter { hash in secrets[hash]?.endsAt.map { time < $0 } ?? false }
    }

    private func ownKey(_ id: KeyID, _ place: Place) throws(ReplayError) -> KeyRecord {
        guard let key = keys[id] else { throw place.error(.reference, "there is no such key") }
        try checkCustomerStream(key.customerID, place)
        return key
    }

    private func unrevokedKey(_ id: KeyID, _ place: Place) throws(ReplayError) -> KeyRecord {
        let key = try ownKey(id, place)
        guard !key.isRevoked else { throw place.error(.transition, "this key is revoked already") }
        return key
    }
}
