import CanonicalJSON
import EventStore
import Proofs
import Sandbox
import Vault

/// `GET /v1/health`: each engine's flag is a check made on this request or a failure that was recorded.
///
/// `eee` ephemeral execution environments: a real one was started in the last seconds and seen isolated in every layer.
/// `dire` keys. `rzl` the audit log. `fgx` forensic zero verification: what a wiped workspace must hash to. `ave`
/// verification of proofs: refuses what is none.
struct HealthRoute: Sendable {
    let ledger: LedgerService
    let reads: ReadModel
    let vault: Vault
    let directory: DataDirectoryStatus
    let sandbox: SandboxStatus
    let region: String
    let startedAt: Timestamp
    /// Nil where agents are not probed.
    let prober: AgentProber?

    /// NANDA's clients ask at `/health`, for the same.
    var routes: [Route] {
        ["/v1/health", "/health"].map { Route(.get, $0, .public, isForAnyOrigin: true, handler: show) }
    }

    private func show(_ exchange: Exchange) async -> APIResponse {
        let layers = await sandbox.layers()
        let eee = layers.allSatisfy { $0.works }
        let dire = await canHoldKeys()
        let rzl = await canRecord()
        let fgx = HealthChecks.zeroTreeIsRight()
        let ave = HealthChecks.verifierRefusesNonsense()
        let database = ledger.projections.failure == nil && reads.canRead()
        let isHealthy = eee && dire && rzl && fgx && ave && database
        let now = ledger.now()
        var body = JSONObject()
        if let prober { body["agent_probes"] = Self.probes(prober) }
        let answers: [String: JSONValue] = [
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
        ]
        for (name, value) in answers { body[name] = value }
        return .json(.object(body), status: isHealthy ? 200 : 503)
    }

    /// When agents were probed last, and how many were reachable in the last whole round. Not reaching them is no fault of this
    /// node's, so it has no part in the status.
    private static func probes(_ prober: AgentProber) -> JSONValue {
        let status = prober.status
        return [
            "interval_seconds": .integer(Int64(prober.intervalSeconds)),
            "last_probe_at": status.lastProbeAt.map { .string($0.secondsText) } ?? .null,
            "agents": .integer(Int64(status.agents)), "reachable": .integer(Int64(status.reachable)),
        ]
    }

    /// `dire`: keys can be made in guarded memory, and the vault that keeps them is there and answers.
    private func canHoldKeys() async -> Bool {
        guard HealthChecks.canHoldKeys(), await directory.holds("vault/vault.sqlite") else { return false }
        do throws(VaultError) {
            _ = try await vault.customerID(forEmail: "nobody@health.invalid")
            return true
        } catch { return false }
    }

    /// `rzl`: the audit log takes events, and the disk under it has room for more.
    private func canRecord() async -> Bool {
        guard ledger.failure == nil, await directory.holds("log") else { return false }
        return await directory.hasRoom()
    }
}
