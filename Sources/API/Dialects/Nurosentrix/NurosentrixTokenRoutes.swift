import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `/api/v1/tokens` and `/api/v1/permissions`: tokens that begin with `nsx_`, live and test.
struct NurosentrixTokenRoutes: Sendable {
    let keys: KeyManagement

    private static let path = "/api/v1/tokens"
    private static let bodyBytesMax = 16_384

    var routes: [Route] {
        let size = Self.bodyBytesMax
        return [
            Route(.get, "/api/v1/permissions", .public, isForAnyOrigin: true, handler: permissions),
            Route(.get, Self.path, .key(.keysRead), handler: list),
            Route(
                .post, Self.path, .key(.keysWrite), bodyBytesMax: size, idempotency: .rememberedSecret,
                handler: create),
            Route(.get, Self.path + "/:id", .key(.keysRead), handler: show),
            Route(.delete, Self.path + "/:id", .key(.keysWrite), bodyBytesMax: size, handler: revoke),
        ]
    }

    private func permissions(_: Exchange) -> APIResponse {
        NurosentrixAnswer.one(
            .array(
                NurosentrixPermission.table.map {
                    ["permission": .string($0.name), "description": .string($0.description)]
                }))
    }

    /// The caller's tokens that were not revoked, newest first. There are at most as many as the plan's cap of active
    /// ones and what expired, so all are read and counted.
    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let page = try NurosentrixPage(exchange.query)
        let all = try keys.listAll(Self.prefix(of: caller), for: caller)
        return NurosentrixAnswer.page(
            page.of(all).map { .object(Self.body(of: keys.managed($0))) }, page, total: all.count)
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        let environment = try members.choice("environment", KeyEnvironment.self) ?? caller.environment
        var wish = KeyManagement.Wish(
            name: try members.requiredString("name"), prefix: environment == .live ? .nurosentrixLive : .nurosentrixTest
        )
        wish.permissions = try members.strings("permissions").map { names throws(APIError) in
            try NurosentrixPermission.permissions(names)
        }
        wish.expiresAt = try APIKeyRequest.expiry(in: members)
        let created = try await keys.create(wish, by: caller, trace: exchange.trace) { reveal in
            exchange.remembering { events in reveal(events).map(Self.answer) }
        }
        return Self.answer(created)
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        NurosentrixAnswer.one(
            .object(Self.body(of: try keys.show(try Self.id(exchange), for: try exchange.caller()))))
    }

    private func revoke(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let revoked = try await keys.revoke(
            try Self.id(exchange), by: try exchange.caller(), trace: exchange.trace)
        return NurosentrixAnswer.one(.object(Self.body(of: revoked)))
    }

    private static func id(_ exchange: Exchange) throws(APIError) -> KeyID {
        guard let id = KeyID(exchange.parameter("id")) else { throw .apiKeyNotFound }
        return id
    }

    private static func prefix(of caller: Principal) -> KeyPrefix {
        caller.environment == .live ? .nurosentrixLive : .nurosentrixTest
    }

    /// A token whose whole text is shown, this once.
    private static func answer(_ revealed: KeyManagement.RevealedKey) -> APIResponse {
        var body = body(of: revealed.key)
        body["token"] = .string(revealed.text)
        return NurosentrixAnswer.one(.object(body), status: 201)
    }

    private static func body(of key: KeyManagement.ManagedKey) -> JSONObject {
        let view = key.view
        var body = JSONObject()
        body["id"] = .string(view.id.text)
        body["name"] = .string(view.name)
        body["prefix"] = .string(view.display)
        body["environment"] = .string(view.environment.rawValue)
        body["permissions"] = .array(NurosentrixPermission.names(of: view.permissions).map { .string($0) })
        body["status"] = .string(key.status.rawValue)
        body["created_at"] = .string(view.createdAt.secondsText)
        body["expires_at"] = APIKeyAnswer.time(view.expiresAt)
        body["last_used_at"] = APIKeyAnswer.time(view.lastUsedAt)
        body["revoked_at"] = APIKeyAnswer.time(view.revokedAt)
        return body
    }
}
