import CanonicalJSON
import EventStore
import Foundation
import Merkle

/// `/v1/log/…`: the log's tree for anyone who asks. C2SP `tlog-tiles`: `checkpoint`, `tile/…`; and proofs in JSON for
/// those who do not want to compute them from tiles. Hashes only, up to the last signed checkpoint.
struct LogRoutes: Sendable {
    let log: EventLog
    /// Whether witnesses are asked: then what is published is what they cosigned, once there is such a checkpoint.
    let hasWitnesses: Bool

    /// Where the C2SP names begin.
    private static let prefix = "/v1/log/"

    var routes: [Route] {
        [
            Route(
                .get, "/v1/log/checkpoint", .public, isForAnyOrigin: true, produces: ["text/plain"], handler: checkpoint
            ),
            Route(
                .get, "/v1/log/tile/**", .public, isForAnyOrigin: true, produces: ["application/octet-stream"],
                handler: tile),
            Route(.get, "/v1/log/inclusion", .public, isForAnyOrigin: true, handler: inclusion),
            Route(.get, "/v1/log/consistency", .public, isForAnyOrigin: true, handler: consistency),
        ]
    }

    private func checkpoint(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let checkpoint = try await published()
        var response = APIResponse(status: 200, body: Array(checkpoint.text.utf8))
        response.contentType = "text/plain; charset=utf-8"
        response.headers = [Self.notCached]
        return response
    }

    private func published() async throws(APIError) -> Checkpoint {
        let newest = try await logAnswer { () throws(EventLogError) in try await log.anyCheckpoint() }
        guard let cosigned = log.cosignedCheckpoint, hasWitnesses || cosigned.head == newest.head else { return newest }
        return cosigned
    }

    private func tile(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        guard exchange.path.hasPrefix(Self.prefix),
            let name = TileName(path: exchange.path.dropFirst(Self.prefix.count))
        else {
            throw APIError(
                .notFound,
                "This names no tile. C2SP tlog-tiles: /v1/log/tile/<level>/<index> or /v1/log/tile/entries/<index>, with"
                    + " the index as x001/x234/067, and .p/<width> for a partial one.")
        }
        guard let bytes = try await logAnswer({ () throws(EventLogError) in try await log.tile(name) }) else {
            throw APIError(
                .notFound, "The tree of the newest checkpoint has no such tile (GET /v1/log/checkpoint says its size).")
        }
        var response = APIResponse(status: 200, body: bytes)
        response.contentType = "application/octet-stream"
        response.headers = [name.isFull ? Self.cachedForEver : Self.notCached]
        return response
    }

    private func inclusion(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let checkpoint = try await logAnswer { () throws(EventLogError) in try await log.anyCheckpoint() }
        let signed = checkpoint.head.size
        guard let index = try exchange.number("index") else { throw Self.missing("index", "the event's place") }
        let size = try exchange.number("size") ?? signed
        guard size <= signed else { throw Self.beyond("size", signed) }
        guard index < size else {
            throw APIError(
                .notFound, "There is no event \(index) among the first \(size) events of the log.", field: "index")
        }
        let (leaf, path) = try await logAnswer { () throws(EventLogError) in
            try await log.auditPath(of: index, size: size)
        }
        var members = JSONObject()
        members["index"] = .integer(Int64(index))
        members["size"] = .integer(Int64(size))
        members["leaf_hash"] = .string(leaf.base64)
        members["hashes"] = .array(path.map { .string($0.base64) })
        if size == signed {
            let proof = InclusionProof(index: index, path: path, checkpoint: checkpoint)
            members["tlog_proof"] = .string(proof.text)
        }
        return Self.notCached(.json(.object(members)))
    }

    private func consistency(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let checkpoint = try await logAnswer { () throws(EventLogError) in try await log.anyCheckpoint() }
        let signed = checkpoint.head.size
        guard let from = try exchange.number("from") else { throw Self.missing("from", "the size of the older tree") }
        let to = try exchange.number("to") ?? signed
        guard to <= signed else { throw Self.beyond("to", signed) }
        guard from <= to else {
            throw APIError(.badRequest, "`from` must not be larger than `to`, \(to).", field: "from")
        }
        let path = try await logAnswer { () throws(EventLogError) in try await log.consistencyProof(from: from, to: to)
        }
        var members = JSONObject()
        members["from"] = .integer(Int64(from))
        members["to"] = .integer(Int64(to))
        members["hashes"] = .array(path.map { .string($0.base64) })
        if to == signed { members["checkpoint"] = .string(checkpoint.text) }
        return Self.notCached(.json(.object(members)))
    }

    private static let notCached = (name: "Cache-Control", value: "no-cache")
    private static let cachedForEver = (name: "Cache-Control", value: "public, max-age=31536000, immutable")

    private static func notCached(_ response: APIResponse) -> APIResponse {
        var response = response
        response.headers.append(notCached)
        return response
    }

    private static func missing(_ name: String, _ what: String) -> APIError {
        APIError(.badRequest, "`\(name)` is required in the query: \(what), a whole number.", field: name)
    }

    private static func beyond(_ name: String, _ signed: UInt64) -> APIError {
        APIError(.notFound, "`\(name)` is beyond the newest checkpoint, which signs \(signed) events.", field: name)
    }
}

/// What the log answers, or why it cannot.
func logAnswer<Value: Sendable>(
    _ body: () async throws(EventLogError) -> Value
) async throws(APIError) -> Value {
    do throws(EventLogError) { return try await body() } catch {
        switch error.code {
        case .signing, .io, .poisoned, .closed:
            throw APIError(
                .unavailable, "The log cannot be signed or read at the moment. Try again later.", retryAfterSeconds: 30)
        default: throw APIError(.internalError, "The log's tree cannot be read: \(error)")
        }
    }
}

extension Exchange {
    /// A whole number in the query, without sign or leading zeros; nil when it is absent.
    func number(_ name: String) throws(APIError) -> UInt64? {
        guard let text = query[name] else { return nil }
        guard let number = UInt64(text), String(number) == text, number <= UInt64(Int64.max) else {
            throw APIError(.badRequest, "`\(name)` must be a whole number in decimal digits.", field: name)
        }
        return number
    }
}

extension Hash {
    /// The 32 bytes in base64, as C2SP's formats write them.
    var base64: String { Data(bytes).base64EncodedString() }
}
