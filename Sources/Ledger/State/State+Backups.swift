public import Proofs
public import EventStore

/// What the rules need to know of a backup.
public struct BackupEntry: Sendable, Equatable {
    /// An end, and when.
    public struct End: Sendable, Equatable {
        public let outcome: BackupOutcome
        public let at: Timestamp
    }

    /// A directory that the backup was, or is being, put into.
    public struct Restore: Sendable, Equatable {
        public let id: RestoreID
        public let startedAt: Timestamp
        public internal(set) var end: End?
    }

    /// How often one backup can be restored.
    public static let restoresMax = 3

    public let id: BackupID
    public let customerID: CustomerID
    public let environment: KeyEnvironment
    public let startedAt: Timestamp
    /// Nil while it is being made.
    public internal(set) var end: End?
    /// In the order of their beginning.
    public internal(set) var restores: [Restore] = []
}

extension State {
    /// The backup called `id` if it is there, or being made.
    public func backup(_ id: BackupID) -> BackupEntry? { backups[id] }

    /// A customer's backups, newest first.
    public func backups(of customer: CustomerID, in environment: KeyEnvironment) -> [BackupEntry] {
        (customers[customer]?.backups ?? []).reversed().compactMap { backups[$0] }
            .filter { $0.environment == environment }
    }

    /// Every customer's backups, in no order.
    public var allBackups: some Collection<BackupEntry> { backups.values }

    mutating func apply(_ event: BackupStarted, _ place: Place) throws(ReplayError) {
        let id = try place.streamID(BackupID.self)
        guard backups[id] == nil else { throw place.error(.reference, "this backup exists already") }
        guard customers[event.customerID] != nil else { throw place.error(.reference, "there is no such customer") }
        backups[id] = BackupEntry(
            id: id, customerID: event.customerID, environment: event.environment, startedAt: place.at)
        customers[event.customerID]?.backups.append(id)
    }

    mutating func apply(_ event: BackupEnded, _ place: Place) throws(ReplayError) {
        let backup = try backup(place)
        guard backup.end == nil else { throw place.error(.transition, "the backup has ended already") }
        backups[backup.id]?.end = .init(outcome: event.outcome, at: place.at)
    }

    mutating func apply(_: BackupDeleted, _ place: Place) throws(ReplayError) {
        let backup = try backup(place)
        guard backup.end != nil, backup.restores.allSatisfy({ $0.end != nil }) else {
            throw place.error(.transition, "the backup is being made or restored")
        }
        backups[backup.id] = nil
        customers[backup.customerID]?.backups.removeAll { $0 == backup.id }
    }

    mutating func apply(_ event: BackupRestoreStarted, _ place: Place) throws(ReplayError) {
        let backup = try backup(place)
        guard backup.end?.outcome.contents != nil else { throw place.error(.transition, "there is nothing to restore") }
        guard backup.restores.allSatisfy({ $0.end != nil && $0.id != event.restoreID }) else {
            throw place.error(.transition, "the backup is being restored, or was under this name")
        }
        backups[backup.id]?.restores.append(.init(id: event.restoreID, startedAt: place.at))
    }

    mutating func apply(_ event: BackupRestoreEnded, _ place: Place) throws(ReplayError) {
        let backup = try backup(place)
        guard let index = backup.restores.firstIndex(where: { $0.id == event.restoreID && $0.end == nil }) else {
            throw place.error(.transition, "this restore does not run")
        }
        backups[backup.id]?.restores[index].end = .init(outcome: event.outcome, at: place.at)
    }

    private func backup(_ place: Place) throws(ReplayError) -> BackupEntry {
        guard let backup = backups[try place.streamID(BackupID.self)] else {
            throw place.error(.reference, "there is no such backup")
        }
        return backup
    }
}
