import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `/api/developers/keys`: keys that begin with `nanda_`.
struct NandaKeyRoutes: Sendable {
    let keys: KeyManagement

    private static let path = "/api/developers/keys"
    private static let bodyBytesMax = 16_384

    var routes: [Route] {
        let size = Self.bodyBytesMax
        return [
            Route(.get, Self.path, .key(.keysRead), handler: list),
            Route(
                .post, Self.path, .key(.keysWrite), bodyBytesMax: size, idempotency: .rememberedSecret,
                handler: create),
            Route(.delete, Self.path + "/:id", .key(.keysWrite), bodyBytesMax: size, handler: revoke),
        ]
    }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let request = try PageRequest(query: exchange.query, limitDefault: PageRequest.limitMax)
        let page = try keys.list(.nanda, withoutRevoked: false, request, for: try exchange.caller())
        return .json([
            "keys": .array(page.rows.map { .object(Self.body(of: keys.managed($0))) }),
            "has_more": .bool(page.hasMore),
        ])
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        var wish = KeyManagement.Wish(
            name: try members.requiredString("name"), prefix: .nanda,
            permissions: try APIKeyRequest.permissions(in: members), expiresAt: try APIKeyRequest.expiry(in: members))
        if let name = try members.string("tier") {
            guard let tier = NandaPlan.tier(named: name) else {
                throw APIError(.badRequest, "`tier` must be one of: free, pro, enterprise.", field: "tier")
            }
            wish.tier = tier
        }
        let created = try await keys.create(wish, by: caller, trace: exchange.trace) { reveal in
            exchange.remembering { events in reveal(events).map(Self.answer) }
        }
        return Self.answer(created)
    }

    private func revoke(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        guard let id = KeyID(exchange.parameter("id")) else { throw .apiKeyNotFound }
        let revoked = try await keys.revoke(id, by: try exchange.caller(), trace: exchange.trace)
        return .json([
            "message": "API key revoked successfully", "key": .object(Self.body(of: revoked)),
        ])
    }

    private static func answer(_ revealed: KeyManagement.RevealedKey) -> APIResponse {
        var body = body(of: revealed.key)
        body["raw_key"] = .string(revealed.text)
        return .json(
            ["key": .object(body), "message": "Save your API key — it cannot be retrieved later."], status: 201)
    }

    private static func body(of key: KeyManagement.ManagedKey) -> JSONObject {
        let view = key.view
        var body = JSONObject()
        body["id"] = .string(view.id.text)
        body["name"] = .string(view.name)
        body["prefix"] = .string(view.display)
        body["tier"] = .string(NandaPlan.name(ofMonthlyLimit: key.monthlyLimit))
        body["permissions"] = .array(view.permissions.names.map { .string($0) })
        body["status"] = .string(key.status.rawValue)
        body["monthly_limit"] = key.monthlyLimit.map { .integer($0) } ?? .null
        body["requests_this_month"] = .integer(key.requestsThisMonth)
        body["created_at"] = .string(view.createdAt.secondsText)
        body["expires_at"] = APIKeyAnswer.time(view.expiresAt)
        body["last_used_at"] = APIKeyAnswer.time(view.lastUsedAt)
        body["revoked_at"] = APIKeyAnswer.time(view.revokedAt)
        return body
    }
}
