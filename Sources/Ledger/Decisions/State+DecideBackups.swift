import EventStore
import Proofs

extension State {
    func startBackup(_ command: StartBackup, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard let authority = try authority(context), let customer = customers[authority.customerID] else {
            throw .unauthorized
        }
        guard backups[command.backupID] == nil else {
            throw Refusal(.conflict, "This backup id is taken. Try again.")
        }
        let kept = backups(of: customer.id, in: authority.environment)
        guard kept.allSatisfy({ $0.end != nil }) else { throw .backupRunning }
        if let limit = Plan.of(customer.tier).backups, kept.count >= limit {
            throw .backupsExceeded(customer.tier, limit: limit)
        }
        let started = BackupStarted(customerID: customer.id, environment: authority.environment)
        return [Decided(stream: command.backupID.text, event: .backupStarted(started))]
    }

    func endBackup(_ command: EndBackup, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let backup = try backup(command.backupID, for: context)
        guard backup.end == nil else { throw Refusal(.conflict, "This backup has ended already.") }
        return [Decided(stream: backup.id.text, event: .backupEnded(BackupEnded(outcome: command.outcome)))]
    }

    func deleteBackup(_ id: BackupID, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let backup = try backup(id, for: context)
        guard backup.end != nil else { throw .backupRunning }
        guard backup.restores.allSatisfy({ $0.end != nil }) else { throw .restoreRunning }
        return [Decided(stream: backup.id.text, event: .backupDeleted(BackupDeleted()))]
    }

    func startRestore(_ command: StartRestore, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let backup = try backup(command.backupID, for: context)
        switch backup.end?.outcome {
        case nil: throw .backupRunning
        case .failed: throw Refusal(.conflict, "This backup could not be made, so it holds nothing. Make another.")
        case .completed: break
        }
        guard backup.restores.allSatisfy({ $0.end != nil }) else { throw .restoreRunning }
        guard backup.restores.count < BackupEntry.restoresMax else { throw .restoresExceeded }
        return [
            Decided(
                stream: backup.id.text,
                event: .backupRestoreStarted(BackupRestoreStarted(restoreID: command.restoreID)))
        ]
    }

    func endRestore(_ command: EndRestore, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let backup = try backup(command.backupID, for: context)
        guard backup.restores.contains(where: { $0.id == command.restoreID && $0.end == nil }) else {
            throw Refusal(.conflict, "This restore does not run.")
        }
        let ended = BackupRestoreEnded(outcome: command.outcome, restoreID: command.restoreID)
        return [Decided(stream: backup.id.text, event: .backupRestoreEnded(ended))]
    }

    /// The backup `id`, if whoever acts may know of it.
    private func backup(_ id: BackupID, for context: DecisionContext) throws(Refusal) -> BackupEntry {
        let authority = try authority(context)
        guard let backup = backups[id],
            authority.map({ $0.customerID == backup.customerID && $0.environment == backup.environment }) ?? true
        else { throw .backupNotFound }
        return backup
    }
}

extension Refusal {
    static let backupNotFound = Refusal(.notFound, "Backup not found. Check the id and the key it is asked with.")
    static let backupRunning = Refusal(.conflict, "A backup is being made. Wait for it to end.")
    static let restoreRunning = Refusal(.conflict, "The backup is being restored. Wait for that to end.")
    static let restoresExceeded = Refusal(
        .limitReached, "A backup is restored at most \(BackupEntry.restoresMax) times. Make another backup.",
        exhausted: .backups)

    static func backupsExceeded(_ tier: Tier, limit: Int) -> Refusal {
        Refusal(
            .limitReached,
            "The limit of \(limit) backups of the plan \(tier.rawValue) is reached. Delete one or upgrade.",
            exhausted: .backups)
    }
}
