import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `/api/users/me/api-keys`: keys that begin with `nxr_`, whose ids are UUIDs.
struct NexoraKeyRoutes: Sendable {
    let keys: KeyManagement

    private static let path = "/api/users/me/api-keys"
    private static let bodyBytesMax = 16_384

    var routes: [Route] {
        let size = Self.bodyBytesMax
        return [
            Route(.get, Self.path, .key(.keysRead), handler: list),
            Route(
                .post, Self.path, .key(.keysWrite), bodyBytesMax: size, idempotency: .rememberedSecret,
                handler: create),
            Route(
                .post, Self.path + "/:id/rotate", .key(.keysWrite), bodyBytesMax: size,
                idempotency: .rememberedSecret, handler: rotate),
            Route(.delete, Self.path + "/:id", .key(.keysWrite), bodyBytesMax: size, handler: revoke),
        ]
    }

    /// Those that were not revoked; a further page is announced in `Link`.
    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let request = try PageRequest(query: exchange.query, limitDefault: PageRequest.limitMax)
        let page = try keys.list(.nexora, withoutRevoked: true, request, for: try exchange.caller())
        var response = APIResponse.json(.array(page.rows.map { .object(Self.body(of: keys.managed($0))) }))
        if page.hasMore, let last = page.rows.last {
            response.headers.append(request.link(to: Self.path, after: last.id.uuidText))
        }
        return response
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        let wish = KeyManagement.Wish(
            name: try members.requiredString("name"), prefix: .nexora,
            permissions: try APIKeyRequest.permissions(in: members, "scopes"),
            expiresAt: try APIKeyRequest.expiry(in: members))
        let created = try await keys.create(wish, by: caller, trace: exchange.trace) { reveal in
            exchange.remembering { events in reveal(events).map { Self.answer($0, status: 201) } }
        }
        return Self.answer(created, status: 201)
    }

    private func rotate(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let rotated = try await keys.rotate(
            try exchange.nexoraKeyID(), graceSeconds: 0, by: try exchange.caller(), trace: exchange.trace
        ) { reveal in exchange.remembering { events in reveal(events).map { Self.answer($0, status: 200) } } }
        return Self.answer(rotated, status: 200)
    }

    private func revoke(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        _ = try await keys.revoke(try exchange.nexoraKeyID(), by: try exchange.caller(), trace: exchange.trace)
        return .noContent
    }

    /// A key whose whole text is shown, this once.
    private static func answer(_ revealed: KeyManagement.RevealedKey, status: Int) -> APIResponse {
        var body = body(of: revealed.key)
        body["key"] = .string(revealed.text)
        return .json(.object(body), status: status)
    }

    private static func body(of key: KeyManagement.ManagedKey) -> JSONObject {
        let view = key.view
        var body = JSONObject()
        body["id"] = .string(view.id.uuidText)
        body["name"] = .string(view.name)
        body["prefix"] = .string(view.display)
        body["scopes"] = view.permissions == .full ? .null : .array(view.permissions.names.map { .string($0) })
        body["created_at"] = .string(view.createdAt.secondsText)
        body["expires_at"] = APIKeyAnswer.time(view.expiresAt)
        body["last_used_at"] = APIKeyAnswer.time(view.lastUsedAt)
        return body
    }
}

extension Exchange {
    /// The API key that the path names.
    fileprivate func nexoraKeyID() throws(APIError) -> KeyID {
        let text = parameter("id")
        guard let id = KeyID.uuid(text) ?? KeyID(text) else { throw .apiKeyNotFound }
        return id
    }
}
