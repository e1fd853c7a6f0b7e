import EventStore
import Ledger
import Proofs

extension Projector {
    /// What happens to backups; shown in the feed of the customer who asked for them.
    func applyToBackups(_ event: LedgerEvent, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let id = try streamID(BackupID.self, envelope)
        if case .backupStarted(let payload) = event {
            let customer = try customer(payload.customerID, envelope)
            try backups.add(
                id,
                .init(sequence: Int64(envelope.sequence), customer: customer, environment: payload.environment))
        }
        guard let backup = try backups.row(id) else { throw missing("backup", envelope) }
        try events.add(
            envelope, customer: backup.customer, session: backup.sequence, environment: backup.environment)
    }
}
