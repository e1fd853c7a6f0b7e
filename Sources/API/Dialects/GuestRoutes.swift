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
    let reads: ReadModel
    let ledger: LedgerService

    var routes: [Route] {
        NandaKeyRoutes(keys: keys).routes
            + NandaAgentReads(registry: registry).routes
            + NandaAgentWrites(registry: registry, keysAreRequired: nandaKeysAreRequired).routes
            + NexoraKeyRoutes(keys: keys).routes
            + NexoraAuthRoutes(signIns: signIns).routes
            + NexoraAgentRoutes(registry: registry).routes
            + webSockets.map(\.plainRoute)
    }

    var webSockets: [WebSocketRoute] { [NexoraFeed(reads: reads, ledger: ledger).route] }
}
