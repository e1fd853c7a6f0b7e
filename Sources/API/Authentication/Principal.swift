import Proofs
import Ledger

/// Who a request comes from: the holder of an active API key.
struct Principal: Sendable, Equatable {
    let keyID: KeyID
    let customerID: CustomerID
    let environment: KeyEnvironment
    let permissions: Permissions

    var actor: Actor { .key(keyID) }
}
