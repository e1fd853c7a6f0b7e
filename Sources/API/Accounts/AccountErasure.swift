import CanonicalJSON
import EventStore
import Ledger
import Logging
import Proofs
import Vault

/// Erases customers: for themselves, and for the operator.
///
/// The order makes a death at any moment harmless. Sessions end with proofs, then the event is durable, which ends keys,
/// members and sign-ins; only then is the data key deleted, and every start deletes the keys of those that the log says
/// are erased again (``Vault/removeOrphans(known:)``), also in a vault that was put back from a backup.
struct AccountErasure: Sendable {
    /// What is left to say of a customer that is no more.
    struct Erased: Sendable {
        let customerID: CustomerID
        let at: Timestamp
        /// Proofs of the sessions that ended with it: nobody can ask for them afterwards.
        let proofs: [JSONValue]
    }

    let ledger: LedgerService
    let vault: Vault
    let sessions: SessionManager
    /// Nil where nothing is billed.
    let billing: BillingService?
    /// Copies hold keys too.
    let backups: BackupService
    let logger: Logger

    /// - Parameter actor: who wants it; with the permission `account:write`, or the operator.
    /// - Throws: what the ledger refuses; `unavailable` when a subscription cannot be cancelled or a session not be ended,
    ///   and nothing is erased then.
    func erase(_ id: CustomerID, as actor: Actor, trace: String) async throws(APIError) -> Erased {
        // Who may not, or is not there, must not end a single session.
        do throws(APIError) { try ledger.check(.eraseCustomer(id), as: actor, trace: trace) } catch {
            guard error.code == .conflict else { throw error }
        }
        guard sessions.refuseSessions(of: id) else {
            throw APIError(.conflict, "This account is being erased already.")
        }
        defer { sessions.allowSessions(of: id) }
        if let billing { try await billing.cancelSubscription(of: id) }
        let (proofs, outcome) = try await endSessionsAndRecord(id, as: actor, trace: trace)
        guard let event = outcome.events.first else { throw .internalError }
        do throws(VaultError) { try await vault.erase(id.text) } catch {
            logger.error(
                "a data key is not deleted yet",
                metadata: ["customer_id": .string(id.text), "error": .string("\(error)")])
            throw APIError(
                .unavailable,
                "The erasure is recorded and every key is dead, but the data key could not be deleted yet. The next start "
                    + "of the server deletes it.")
        }
        guard await backups.sweep() else {
            throw APIError(
                .unavailable,
                "The erasure is recorded and the data key is deleted, but a backup still holds it. The next start of the "
                    + "server deletes it there too.")
        }
        return Erased(customerID: id, at: event.event.at, proofs: proofs)
    }

    /// A session that began just before new ones were refused makes the ledger refuse once; then it is ended too.
    private func endSessionsAndRecord(
        _ id: CustomerID, as actor: Actor, trace: String
    ) async throws(APIError) -> ([JSONValue], LedgerService.Outcome) {
        var proofs: [JSONValue] = []
        for attempt in 1... {
            proofs += try await sessions.endAll(of: id, trace: trace)
            do throws(APIError) {
                return (proofs, try await ledger.perform(.eraseCustomer(id), as: actor, trace: trace))
            } catch {
                guard error.code == .conflict, attempt < Self.attemptsMax else { throw error }
            }
        }
        throw .internalError
    }

    private static let attemptsMax = 8
}
