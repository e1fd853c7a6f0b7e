import EventStore
import Ledger
import Projections
import Proofs
import Synchronization

/// Counts open WebSockets for each caller and each address, so that neither can take all of them.
final class WebSocketLeases: Sendable {
    /// A place that is taken; given back once.
    struct Lease: Sendable {
        fileprivate let caller: String
        fileprivate let address: InternetAddress?
    }

    private struct State {
        var callers: [String: Int] = [:]
        var addresses: [InternetAddress: Int] = [:]
    }

    private let limits: WebSocketLimits
    private let limitsAddresses: Bool
    private let state = Mutex(State())

    init(limits: WebSocketLimits, limitsAddresses: Bool) {
        self.limits = limits
        self.limitsAddresses = limitsAddresses
    }

    /// How many are open.
    var count: Int { state.withLock { $0.callers.values.reduce(0, +) } }

    /// - Throws: `rateLimited` when the caller, or the address, has as many as it may.
    func take(_ caller: Principal, from address: InternetAddress?) throws(APIError) -> Lease {
        let lease = Lease(caller: caller.actor.text, address: limitsAddresses ? address?.network : nil)
        let refusal: (most: Int, whose: String)? = state.withLock { state in
            if state.callers[lease.caller, default: 0] >= limits.perCallerMax {
                return (limits.perCallerMax, "with this credential")
            }
            if let address = lease.address, state.addresses[address, default: 0] >= limits.perAddressMax {
                return (limits.perAddressMax, "from this address")
            }
            state.callers[lease.caller, default: 0] += 1
            if let address = lease.address { state.addresses[address, default: 0] += 1 }
            return nil
        }
        if let refusal {
            throw APIError(
                .rateLimited, "\(refusal.most) WebSockets \(refusal.whose) are open already. Close one first.",
                retryAfterSeconds: 1)
        }
        return lease
    }

    func giveBack(_ lease: Lease) {
        state.withLock { state in
            Self.decrement(&state.callers[lease.caller])
            if let address = lease.address { Self.decrement(&state.addresses[address]) }
        }
    }

    private static func decrement(_ count: inout Int?) {
        if let value = count { count = value > 1 ? value - 1 : nil }
    }
}
