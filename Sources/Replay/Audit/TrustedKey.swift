import CanonicalJSON
import EventStore

/// A key of the log, and how it came to be trusted.
struct TrustedKey {
    let key: VerifierKey
    /// The smallest and the largest tree that it may sign, in events; the largest is nil for the current key.
    let sizes: (first: UInt64, last: UInt64?)
    /// The rotation that put it in its place; nil for the key of the first event.
    let rotation: LogKeyRotation?

    private var trustedBy: String {
        switch rotation?.endorser {
        case nil: "first_event"
        case .oldKey: "rotation"
        case .recoveryKey: "recovery"
        }
    }

    private var endorser: VerifierKey? {
        guard let rotation else { return nil }
        if case .recoveryKey(let key) = rotation.endorser { return key }
        return rotation.old
    }

    var text: String {
        let range = sizes.last.map { "sizes \(sizes.first) to \($0)" } ?? "sizes from \(sizes.first)"
        switch rotation?.endorser {
        case nil: return "\(key), \(range): named by the first event"
        case .oldKey: return "\(key), \(range): endorsed by the key before it"
        case .recoveryKey(let recovery):
            return "\(key), \(range): endorsed by the recovery key \(recovery), which the key before it named"
        }
    }

    var document: JSONValue {
        .object(
            JSONObject([
                "verifier_key": .string(key.description), "first_size": .integer(Int64(clamping: sizes.first)),
                "last_size": sizes.last.map { .integer(Int64(clamping: $0)) }, "trusted_by": .string(trustedBy),
                "endorser": endorser.map { .string($0.description) },
            ]))
    }
}

extension AuditReport {
    /// The log's keys, oldest first.
    var trustedKeys: [TrustedKey] {
        guard let keys else { return [] }
        return keys.periods.enumerated().map { index, period in
            let rotation = index == 0 ? nil : keys.rotations[index - 1]
            return TrustedKey(
                key: period.key, sizes: (rotation.map { $0.lastSize + 1 } ?? 1, period.lastSize), rotation: rotation)
        }
    }
}
