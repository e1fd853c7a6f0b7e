import Proofs
import CanonicalJSON
import EventStore
import Ledger
import Projections

/// `GET` and `POST /v1/api-keys`, `GET` and `DELETE /v1/api-keys/:id`. (`/v1/keys/:id` is a proof's public key.)
struct APIKeyRoutes: Sendable {
    let ledger: LedgerService
    let reads: ReadModel

    var routes: [Route] {
        [
            Route(.get, "/v1/api-keys", .key(.keysRead)) { exchange throws(APIError) in try list(exchange) },
            Route(.post, "/v1/api-keys", .key(.keysWrite), bodyBytesMax: 16_384) { exchange throws(APIError) in
                try await create(exchange)
            },
            Route(.get, "/v1/api-keys/:id", .key(.keysRead)) { exchange throws(APIError) in try show(exchange) },
            Route(.delete, "/v1/api-keys/:id", .key(.keysWrite), bodyBytesMax: 16_384) { exchange throws(APIError) in
                try await revoke(exchange)
            },
        ]
    }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let keys = try reads.apiKeys(for: try exchange.caller())
        return .json(["data": .array(keys.map { .object(APIKeyAnswer.body(of: $0)) }), "has_more": false])
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        var permissions = caller.permissions
        if let names = try members.strings("permissions") {
            guard let asked = Permissions(names: names) else {
                let known = Permissions.full.names.joined(separator: ", ")
                throw APIError(.badRequest, "`permissions` may hold: \(known).", field: "permissions")
            }
            permissions = asked
        }
        let key = try NewAPIKey(
            prefix: caller.environment == .live ? .nanorixLive : .nanorixTest,
            name: try members.requiredString("name"), permissions: permissions,
            expiresAt: try Self.expiry(in: members))
        _ = try await ledger.perform(
            .issueKey(IssueKey(customerID: caller.customerID, key: key.issued)), as: caller.actor,
            trace: exchange.trace)
        var body = APIKeyAnswer.body(of: try reads.apiKey(key.issued.id, for: caller))
        body["api_key"] = .string(key.text)
        body["message"] = "Save your API key — it cannot be retrieved later."
        return .json(.object(body), status: 201)
    }

    private static func expiry(in members: RequestMembers) throws(APIError) -> Timestamp? {
        guard let text = try members.string("expires_at") else { return nil }
        guard let time = Timestamp(text) else {
            throw APIError(.badRequest, "`expires_at` must look like 2026-12-31T23:59:59Z.", field: "expires_at")
        }
        return time
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        .json(.object(APIKeyAnswer.body(of: try reads.apiKey(try exchange.keyID(), for: try exchange.caller()))))
    }

    private func revoke(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try exchange.keyID()
        // The answer comes when the revocation can be read: no request that begins after it is let in.
        _ = try await ledger.perform(.revokeKey(RevokeKey(keyID: id)), as: caller.actor, trace: exchange.trace)
        return .json(.object(APIKeyAnswer.body(of: try reads.apiKey(id, for: caller))))
    }
}

extension Exchange {
    /// The API key that the path names.
    fileprivate func keyID() throws(APIError) -> KeyID {
        guard let id = KeyID(parameter("id")) else { throw .apiKeyNotFound }
        return id
    }
}

/// An API key as lists show it; never its secret.
enum APIKeyAnswer {
    static func body(of key: KeyView) -> JSONObject {
        var body = JSONObject()
        body["id"] = .string(key.id.text)
        body["name"] = .string(key.name)
        body["prefix"] = .string(key.display)
        body["environment"] = .string(key.environment.rawValue)
        body["permissions"] = .array(key.permissions.names.map { .string($0) })
        body["created_at"] = .string(key.createdAt.secondsText)
        body["expires_at"] = Self.time(key.expiresAt)
        body["revoked_at"] = Self.time(key.revokedAt)
        body["last_used_at"] = Self.time(key.lastUsedAt)
        return body
    }

    private static func time(_ time: Timestamp?) -> JSONValue { time.map { .string($0.secondsText) } ?? .null }
}
