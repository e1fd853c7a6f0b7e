import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Merkle
import Projections
import Proofs

/// The machine that this server runs sessions on, as Nurosentrix' clients see one of their servers.
struct NurosentrixNode: Sendable {
    /// The same for as long as the log is: made of its name.
    let id: String
    let region: String
    let host: String
    let startedAt: Timestamp
    let canIsolate: Bool

    init(origin: String, region: String, host: String, startedAt: Timestamp, canIsolate: Bool) {
        id = "srv_" + Hash(of: Array("nrx-node \(origin)".utf8)).hex.prefix(32)
        self.region = region
        self.host = host
        self.startedAt = startedAt
        self.canIsolate = canIsolate
    }
}

/// `/api/v1/servers`: the nodes that run sessions, which is this one; more of them need a cluster.
struct NurosentrixServerRoutes: Sendable {
    let node: NurosentrixNode
    let sessions: SessionManager
    let dataDirectory: String

    private static let path = "/api/v1/servers"
    private static let bodyBytesMax = 16_384

    var routes: [Route] {
        let (path, size) = (Self.path, Self.bodyBytesMax)
        return [
            Route(.get, path, .key(.serversRead), handler: list),
            Route(
                .post, path, .key(.serversWrite), bodyBytesMax: size, idempotency: .notNeeded, handler: refuse),
            Route(.get, path + "/:id", .key(.serversRead), handler: show),
            Route(.patch, path + "/:id", .key(.serversWrite), bodyBytesMax: size, handler: refuseOne),
            Route(.delete, path + "/:id", .key(.serversWrite), bodyBytesMax: size, handler: refuseOne),
        ]
    }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let page = try NurosentrixPage(exchange.query)
        let rows = [body]
        return NurosentrixAnswer.page(Array(page.of(rows)), page, total: rows.count)
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        try check(exchange)
        return NurosentrixAnswer.one(body)
    }

    private func refuse(_: Exchange) throws(APIError) -> APIResponse { throw Self.noCluster }

    private func refuseOne(_ exchange: Exchange) throws(APIError) -> APIResponse {
        try check(exchange)
        throw Self.noCluster
    }

    private func check(_ exchange: Exchange) throws(APIError) {
        guard exchange.parameter("id") == node.id else {
            throw APIError(.notFound, "Server not found. GET /api/v1/servers lists what there is.")
        }
    }

    private static let noCluster = APIError(
        .notSupported,
        "This system runs on one server, which its operator sets up; others cannot be registered, changed or deleted here."
    )

    private var body: JSONValue {
        let machine = ProcessInfo.processInfo
        return [
            "id": .string(node.id), "name": .string("node-\(node.region)"), "ip_address": .string(node.host),
            "status": node.canIsolate ? "active" : "offline", "provider": "self-hosted",
            "region": .string(node.region),
            "specs": [
                "cpu": .integer(Int64(machine.activeProcessorCount)),
                "memory_gb": .integer(Int64(machine.physicalMemory >> 30)),
                "disk_gb": diskGigabytes.map { .integer($0) } ?? .null,
            ],
            "instances_running": .integer(Int64(sessions.count)), "created_at": .string(node.startedAt.secondsText),
        ]
    }

    /// Of the file system that holds the data; nil when it cannot be asked.
    private var diskGigabytes: Int64? {
        let attributes: [FileAttributeKey: Any]
        do { attributes = try FileManager.default.attributesOfFileSystem(forPath: dataDirectory) } catch { return nil }
        return (attributes[.systemSize] as? NSNumber).map { $0.int64Value >> 30 }
    }
}
