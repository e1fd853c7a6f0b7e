import Ledger
import Projections
import Proofs

/// Who a request comes from: the holder of an active API key, or a signed-in member.
struct Principal: Sendable, Equatable {
    enum Identity: Sendable, Equatable {
        /// With what the key directory said of the key when the request came.
        case key(KeyEntry)
        case member(MemberID)
    }

    let identity: Identity
    let customerID: CustomerID
    let environment: KeyEnvironment
    let permissions: Permissions
    /// The sign-in that a member's token came from.
    var signInID: SignInID?

    var actor: Actor {
        switch identity {
        case .key(let key): .key(key.id)
        case .member(let id): .member(id, in: environment)
        }
    }

    /// The key, when it is one: what counters and limits of keys go by.
    var key: KeyEntry? {
        if case .key(let key) = identity { key } else { nil }
    }

    /// The key's id, when it is one.
    var keyID: KeyID? { key?.id }

    /// The member, when it is one.
    var memberID: MemberID? {
        if case .member(let id) = identity { id } else { nil }
    }

    /// As refusals name it.
    var noun: String { keyID == nil ? "role" : "API key" }
}

extension Principal {
    /// The holder of `key`.
    init(_ key: KeyEntry) {
        self.init(
            identity: .key(key), customerID: key.customerID, environment: key.environment,
            permissions: key.permissions)
    }
}
