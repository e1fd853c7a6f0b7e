import Proofs
import Ledger
import Projections

/// Who a request comes from: the holder of an active API key.
struct Principal: Sendable, Equatable {
    let keyID: KeyID
    let customerID: CustomerID
    let environment: KeyEnvironment
    let permissions: Permissions
    /// What the key directory said of the key when the request came.
    let key: KeyEntry

    var actor: Actor { .key(keyID) }

    init(_ key: KeyEntry) {
        keyID = key.id
        customerID = key.customerID
        environment = key.environment
        permissions = key.permissions
        self.key = key
    }
}
