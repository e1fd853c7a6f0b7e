import CSodium
import Proofs
import Synchronization

/// The data keys in use: a fixed number of slots in one piece of guarded memory. The slot of a key that is evicted or
/// removed is overwritten with zeros.
final class DataKeyCache: Sendable {
    /// Keys held at most; 128 KiB of locked memory.
    static let keysMax = 4096

    private struct State: ~Copyable {
        var arena: GuardedMemory
        var slots: [String: Int] = [:]
        var owners: [String?]
        /// Whether a slot was used since the hand last passed it ("clock" replacement). Not set by filling it: a key
        /// that is needed once must not push out those that are needed often.
        var isRecent: [Bool]
        var hand = 0
    }

    private let state: Mutex<State>

    init(keysMax: Int = DataKeyCache.keysMax) throws(VaultError) {
        let arena = try GuardedMemory.allocated(byteCount: keysMax * SecretKey.byteCount)
        state = Mutex(
            State(
                arena: arena, owners: Array(repeating: nil, count: keysMax),
                isRecent: Array(repeating: false, count: keysMax)))
    }

    /// Lends the customer's key; nil when it is not here. `body` runs under the cache's lock: keep it to microseconds.
    func withKey<R: Sendable>(of customerID: String, _ body: (UnsafePointer<UInt8>) -> R) -> R? {
        state.withLock { state in
            guard let slot = state.slots[customerID] else { return nil }
            state.isRecent[slot] = true
            return state.arena.withBytes { body($0 + slot * SecretKey.byteCount) }
        }
    }

    /// Puts a key in, in the place of one that was not used of late.
    ///
    /// - Parameter fill: writes the 32 bytes; when it says that it could not, nothing is kept.
    /// - Returns: what `fill` said.
    func insert(_ customerID: String, filledBy fill: (UnsafeMutablePointer<UInt8>) -> Bool) -> Bool {
        state.withLock { state in
            let slot = state.slots[customerID] ?? Self.freeSlot(&state)
            guard state.arena.withMutableBytes({ fill($0 + slot * SecretKey.byteCount) }) else {
                Self.clear(slot, &state)
                return false
            }
            state.owners[slot] = customerID
            state.slots[customerID] = slot
            return true
        }
    }

    /// Overwrites the customer's key with zeros, if it is here.
    func remove(_ customerID: String) {
        state.withLock { state in
            if let slot = state.slots[customerID] { Self.clear(slot, &state) }
        }
    }

    private static func freeSlot(_ state: inout State) -> Int {
        while true {
            let slot = state.hand
            state.hand = (state.hand + 1) % state.owners.count
            if state.isRecent[slot] {
                state.isRecent[slot] = false
            } else {
                clear(slot, &state)
                return slot
            }
        }
    }

    private static func clear(_ slot: Int, _ state: inout State) {
        state.arena.withMutableBytes { sodium_memzero($0 + slot * SecretKey.byteCount, SecretKey.byteCount) }
        if let owner = state.owners[slot] { state.slots[owner] = nil }
        state.owners[slot] = nil
        state.isRecent[slot] = false
    }
}
