import EventStore
import Ledger
import LedgerFixtures
import Merkle

/// What API keys should do, written down as plainly as possible and apart from the ledger's own way: for every secret the
/// times at which it works, for every key what binds it, and the requests of each month.
struct KeyModel {
    struct Secret {
        let key: KeyID
        let from: Timestamp
        var until: Timestamp?
    }

    struct Key {
        var revokedAt: Timestamp?
        let expiresAt: Timestamp?
        var ranges: [AddressRange]
        let customer: CustomerID
        let prefix: KeyPrefix
        var monthlyLimit: Int64?
    }

    private(set) var secrets: [Hash: Secret] = [:]
    private(set) var keys: [KeyID: Key] = [:]
    /// Requests granted and not given back, by key and `YYYY-MM`.
    private(set) var granted: [KeyID: [String: Int64]] = [:]

    /// Learns what a command that was accepted has done.
    mutating func learn(_ events: [LedgerEvent], at time: Timestamp, month: String) {
        for event in events {
            switch event {
            case .keyIssued(let issued):
                keys[issued.keyID] = Key(
                    expiresAt: issued.expiresAt, ranges: issued.allowedAddresses, customer: issued.customerID,
                    prefix: issued.prefix, monthlyLimit: issued.monthlyLimit)
                secrets[issued.secretSHA256] = Secret(key: issued.keyID, from: time)
            case .keyRotated(let rotated):
                for (hash, secret) in secrets where secret.key == rotated.keyID {
                    let end = rotated.previousEndsAt ?? time
                    // The current one ends as said; earlier ones only when there is no grace, and never later.
                    if secret.until == nil { secrets[hash]?.until = end }
                    if let until = secret.until, rotated.previousEndsAt == nil {
                        secrets[hash]?.until = min(until, end)
                    }
                }
                secrets[rotated.secretSHA256] = Secret(key: rotated.keyID, from: time)
            case .keyChanged(let changed):
                if let ranges = changed.allowedAddresses { keys[changed.keyID]?.ranges = ranges }
                if let limit = changed.monthlyLimit { keys[changed.keyID]?.monthlyLimit = limit.requests }
            case .keyRevoked(let revoked): keys[revoked.keyID]?.revokedAt = time
            case .usageTick(let tick):
                switch tick.change {
                case .reserved(let count): granted[tick.keyID, default: [:]][month, default: 0] += count
                case .returned(let count):
                    granted[tick.keyID, default: [:]][String(tick.day.prefix(7)), default: 0] -= count
                }
            default: break
            }
        }
    }

    /// Whether a request with the secret is to be let in.
    func accepts(_ hash: Hash, from address: InternetAddress?, at time: Timestamp) -> Bool {
        guard let secret = secrets[hash], let key = keys[secret.key] else { return false }
        let isOver = key.revokedAt != nil || secret.until.map { time >= $0 } ?? false
        let isExpired = key.expiresAt.map { time >= $0 } ?? false
        let isElsewhere =
            !key.ranges.isEmpty && !key.ranges.contains { range in address.map { range.contains($0) } ?? false }
        return !isOver && !isExpired && !isElsewhere
    }

    /// Where a cap of active keys holds.
    struct Place: Hashable {
        let customer: CustomerID
        let prefix: KeyPrefix
    }

    /// How many keys work, for each customer and prefix.
    func activeKeys(at time: Timestamp) -> [Place: Int] {
        keys.values.reduce(into: [:]) { counts, key in
            guard key.revokedAt == nil, key.expiresAt.map({ time < $0 }) ?? true else { return }
            counts[Place(customer: key.customer, prefix: key.prefix), default: 0] += 1
        }
    }
}
