/// A verified copy of the log and its keys, for the acting key's customer.
public struct StartBackup: Sendable {
    public var backupID: BackupID

    public init(backupID: BackupID) { self.backupID = backupID }
}

/// A backup was made, or could not be: the server's own to say.
public struct EndBackup: Sendable {
    public var backupID: BackupID
    public var outcome: BackupOutcome

    public init(backupID: BackupID, outcome: BackupOutcome) {
        self.backupID = backupID
        self.outcome = outcome
    }
}

/// A directory of its own that holds what a backup holds.
public struct StartRestore: Sendable {
    public var backupID: BackupID
    public var restoreID: RestoreID

    public init(backupID: BackupID, restoreID: RestoreID) {
        self.backupID = backupID
        self.restoreID = restoreID
    }
}

/// The directory is there, or could not be made: the server's own to say.
public struct EndRestore: Sendable {
    public var backupID: BackupID
    public var restoreID: RestoreID
    public var outcome: BackupOutcome

    public init(backupID: BackupID, restoreID: RestoreID, outcome: BackupOutcome) {
        self.backupID = backupID
        self.restoreID = restoreID
        self.outcome = outcome
    }
}
