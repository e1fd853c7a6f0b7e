import EventStore
import Ledger
import Projections
import Proofs

/// The routes of every dialect beside the native one. Each maps names to the same commands and reads.
struct GuestRoutes: Sendable {
    let keys: KeyManagement
    let signIns: SignInService
    let registry: AgentRegistry
    let nandaKeysAreRequired: Bool
    let reputation: AgentReputation
    let reads: ReadModel
    let ledger: LedgerService
    let sessions: SessionManager
    let identity: Identity
    let backups: BackupService
    let node: NurosentrixNode
    let dataDirectory: String
    let workspaces: NanoTermWorkspaces

    var routes: [Route] {
        let groups: [[Route]] = [
            NandaKeyRoutes(keys: keys).routes, NandaAgentReads(registry: registry, reputation: reputation).routes,
            NandaAgentWrites(registry: registry, keysAreRequired: nandaKeysAreRequired).routes,
            NexoraKeyRoutes(keys: keys).routes, NexoraAuthRoutes(signIns: signIns).routes,
            NexoraAgentRoutes(registry: registry).routes, [feed.plainRoute], nanoTerm, nurosentrix,
        ]
        return groups.flatMap { $0 }
    }

    var webSockets: [WebSocketRoute] { [feed, terminal] + NanoTermProxy(workspaces: workspaces).webSockets }

    private var feed: WebSocketRoute { NexoraFeed(reads: reads, ledger: ledger).route }

    private var terminal: WebSocketRoute { NanoTermTerminal(workspaces: workspaces).route }

    private var nanoTerm: [Route] {
        let files = WorkspaceFiles(sessions: sessions, reads: reads, ledger: ledger)
        let groups: [[Route]] = [
            NanoTermDocs().routes, NanoTermPricing().routes,
            NanoTermWorkspaceRoutes(sessions: sessions, reads: reads, ledger: ledger, workspaces: workspaces).routes,
            NanoTermFileRoutes(workspaces: workspaces, files: files).routes,
            [NanoTermDiff(workspaces: workspaces).route, NanoTermHandshake.plainRoute(of: terminal)],
            NanoTermProxy(workspaces: workspaces).routes, NanoTermKeyRoutes(keys: keys).routes,
            NanoTermOrganisationRoutes(
                reads: reads, ledger: ledger, members: identity.secrets, invitations: identity.invitations,
                region: node.region
            ).routes,
        ]
        return groups.flatMap { $0 }
    }

    private var nurosentrix: [Route] {
        let groups: [[Route]] = [
            NurosentrixAuthRoute(signIns: signIns, members: identity.secrets, now: ledger.now).routes,
            NurosentrixTokenRoutes(keys: keys).routes,
            NurosentrixServerRoutes(node: node, sessions: sessions, dataDirectory: dataDirectory).routes,
            NurosentrixInstanceRoutes(
                sessions: sessions, reads: reads, ledger: ledger, workspaces: workspaces, node: node
            ).routes,
            NurosentrixBackupRoutes(backups: backups, ledger: ledger).routes,
            NurosentrixSettingsRoutes(reads: reads, ledger: ledger, secrets: identity.secrets).routes,
        ]
        return groups.flatMap { $0 }
    }
}
