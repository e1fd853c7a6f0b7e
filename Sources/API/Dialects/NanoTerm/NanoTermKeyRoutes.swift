import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `/api/keys`: keys that begin with `nt_`.
struct NanoTermKeyRoutes: Sendable {
    let keys: KeyManagement

    private static let path = "/api/keys"
    private static let bodyBytesMax = 16_384
    private static let daysMax: Int64 = 365
    /// What a key may do when nothing else is asked for.
    private static let levelDefault = "execute"

    var routes: [Route] {
        let size = Self.bodyBytesMax
        // Whoever manages keys is an administrator here.
        return [
            Route(.get, Self.path, .key(.keysWrite), handler: list),
            Route(
                .post, Self.path, .key(.keysWrite), bodyBytesMax: size, idempotency: .rememberedSecret,
                handler: create),
            Route(.delete, Self.path + "/:id", .key(.keysWrite), bodyBytesMax: size, handler: revoke),
        ]
    }

    /// This dialect's keys of the caller's environment, newest first, revoked ones included.
    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let request = try PageRequest(query: exchange.query, limitDefault: PageRequest.limitMax)
        let page = try keys.list(Self.prefix(of: caller), withoutRevoked: false, request, for: caller)
        var response = APIResponse.json(
            .array(page.rows.map { .object(Self.body(of: keys.managed($0), caller.customerID)) }))
        if page.hasMore, let last = page.rows.last {
            response.headers.append(request.link(to: Self.path, after: last.id.text))
        }
        return response
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let members = try exchange.members()
        let level = try members.string("permission") ?? Self.levelDefault
        guard let permissions = Permissions.preset(level) else {
            let names = Permissions.presets.map(\.name).joined(separator: ", ")
            throw APIError(.badRequest, "`permission` must be one of: \(names).", field: "permission")
        }
        var wish = KeyManagement.Wish(
            name: try members.requiredString("name"), prefix: Self.prefix(of: caller), permissions: permissions)
        if let days = try members.integer("expiresInDays") {
            guard (1...Self.daysMax).contains(days) else {
                throw APIError(
                    .badRequest, "`expiresInDays` must be 1 to \(Self.daysMax).", field: "expiresInDays")
            }
            wish.expiresAt = keys.ledger.now().wholeSecond.adding(seconds: days * 86_400)
        }
        let customerID = caller.customerID
        let created = try await keys.create(wish, by: caller, trace: exchange.trace) { reveal in
            exchange.remembering { events in reveal(events).map { Self.answer($0, customerID) } }
        }
        return Self.answer(created, customerID)
    }

    private func revoke(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        guard let id = KeyID(exchange.parameter("id")) else { throw .apiKeyNotFound }
        let revoked = try await keys.revoke(id, by: caller, trace: exchange.trace)
        return .json(.object(Self.body(of: revoked, caller.customerID)))
    }

    private static func prefix(of caller: Principal) -> KeyPrefix {
        caller.environment == .live ? .nanoTermLive : .nanoTermTest
    }

    /// A key whose whole text is shown, this once.
    private static func answer(_ revealed: KeyManagement.RevealedKey, _ customerID: CustomerID) -> APIResponse {
        var body = body(of: revealed.key, customerID)
        body["key"] = .string(revealed.text)
        return .json(.object(body), status: 201)
    }

    private static func body(of key: KeyManagement.ManagedKey, _ customerID: CustomerID) -> JSONObject {
        let view = key.view
        var body = JSONObject()
        body["id"] = .string(view.id.text)
        body["orgId"] = .string(customerID.text)
        body["name"] = .string(view.name)
        body["prefix"] = .string(view.display)
        body["permission"] = .string(NanoTermPermission.name(of: view.permissions))
        body["createdAt"] = .string(view.createdAt.secondsText)
        body["expiresAt"] = APIKeyAnswer.time(view.expiresAt)
        body["lastUsedAt"] = APIKeyAnswer.time(view.lastUsedAt)
        body["revokedAt"] = APIKeyAnswer.time(view.revokedAt)
        return body
    }
}
