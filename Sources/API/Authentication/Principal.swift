import Ledger
import Proofs

/// Who a request comes from: the holder of an active API key, or a signed-in member.
struct Principal: Sendable, Equatable {
    enum Identity: Sendable, Equatable {
        case key(KeyID)
        case member(MemberID)
    }

    let identity: Identity
    let customerID: CustomerID
    let environment: KeyEnvironment
    let permissions: Permissions

    var actor: Actor {
        switch identity {
        case .key(let id): .key(id)
        case .member(let id): .member(id, in: environment)
        }
    }

    /// The key, when it is one: what counters and limits of keys go by.
    var keyID: KeyID? {
        if case .key(let id) = identity { id } else { nil }
    }

    /// The member, when it is one.
    var memberID: MemberID? {
        if case .member(let id) = identity { id } else { nil }
    }

    /// As refusals name it.
    var noun: String { keyID == nil ? "role" : "API key" }
}
