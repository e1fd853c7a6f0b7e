/// What a member is in its organisation; what each may do is data.
public enum Role: String, Sendable, CaseIterable {
    case owner, admin, developer, auditor

    /// What whoever has this role may do.
    public var permissions: Permissions {
        switch self {
        case .owner: .full
        case .admin: Permissions.full.subtracting(.accountWrite)
        case .developer:
            [
                .sessionsRead, .sessionsWrite, .sessionsExec, .filesRead, .filesWrite, .proofsRead, .keysRead,
                .accountRead, .agentsRead, .agentsWrite, .serversRead, .backupsRead, .membersRead, .logsRead,
                .usageRead,
            ]
        case .auditor: [.proofsRead, .logsRead, .usageRead]
        }
    }
}
