import CanonicalJSON
import EventStore
import Proofs
import Sandbox

/// `GET /v1/health`: each engine's flag is a check made on this request or a failure that was recorded.
struct HealthRoute: Sendable {
    let ledger: LedgerService
    let sandbox: SandboxStatus
    let region: String
    let startedAt: Timestamp

    var routes: [Route] { [Route(.get, "/v1/health", .public, isForAnyOrigin: true, handler: show)] }

    private func show(_ exchange: Exchange) async -> APIResponse {
        // eee: ephemeral execution environments. dire: keys in guarded memory. rzl: the audit log.
        // fgx: forensic zero verification. ave: verification of proofs.
        let layers = await sandbox.layers()
        let eee = layers.allSatisfy { $0.works }
        let dire = HealthChecks.canHoldKeys()
        let rzl = ledger.failure == nil
        let fgx = HealthChecks.zeroTreeIsRight()
        let ave = HealthChecks.verifierRefusesNonsense()
        let database = ledger.projections.failure == nil
        let isHealthy = eee && dire && rzl && fgx && ave && database
        let now = ledger.now()
        return .json(
            [
                "status": .string(isHealthy ? "healthy" : "degraded"),
                "engines": [
                    "eee": .bool(eee), "dire": .bool(dire), "rzl": .bool(rzl), "fgx": .bool(fgx), "ave": .bool(ave),
                ],
                "database": .bool(database),
                "uptime_seconds": .integer((now.microseconds - startedAt.microseconds) / 1_000_000),
                "timestamp": .string(now.secondsText), "region": .string(region),
                "layers": .array(
                    layers.map {
                        ["name": .string($0.layer.rawValue), "available": .bool($0.works)]
                    }),
            ], status: isHealthy ? 200 : 503)
    }
}
