public import EventStore
public import Ledger

/// A key as an event leaves it, before anything of that can be read: what the answer to its request shows.
extension KeyView {
    /// The key in the moment in which it is issued.
    public init(issued event: KeyIssued, at time: Timestamp) {
        self.init(
            id: event.keyID, name: event.name, prefix: event.prefix, display: event.display,
            permissions: event.permissions, createdAt: time, expiresAt: event.expiresAt, revokedAt: nil,
            rotatedAt: nil, lastUsedAt: nil, lastRefusal: nil, allowedAddresses: event.allowedAddresses,
            monthlyLimit: event.monthlyLimit, cycle: "", cycleRequests: 0)
    }

    /// This key with its new secret.
    public func rotated(by event: KeyRotated, at time: Timestamp) -> KeyView {
        KeyView(
            id: id, name: name, prefix: prefix, display: event.display, permissions: permissions,
            createdAt: createdAt, expiresAt: expiresAt, revokedAt: revokedAt, rotatedAt: time, lastUsedAt: lastUsedAt,
            lastRefusal: lastRefusal, allowedAddresses: allowedAddresses, monthlyLimit: monthlyLimit, cycle: cycle,
            cycleRequests: cycleRequests)
    }
}
