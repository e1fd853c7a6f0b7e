import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `/v1/api-keys`: list, create, show, change, rotate and revoke. (`/v1/keys/:id` is a proof's public key.)
struct APIKeyRoutes: Sendable {
    let keys: KeyManagement

    private static let bodyBytesMax = 16_384

    var routes: [Route] {
        let size = Self.bodyBytesMax
        return [
            Route(.get, "/v1/api-keys", .key(.keysRead), handler: list),
            Route(
                .post, "/v1/api-keys", .key(.keysWrite), bodyBytesMax: size, idempotency: .rememberedSecret,
                handler: create),
            Route(.get, "/v1/api-keys/:id", .key(.keysRead), handler: show),
            Route(.patch, "/v1/api-keys/:id", .key(.keysWrite), bodyBytesMax: size, handler: change),
            Route(.delete, "/v1/api-keys/:id", .key(.keysWrite), bodyBytesMax: size, handler: revoke),
            Route(
                .post, "/v1/api-keys/:id/rotate", .key(.keysWrite), bodyBytesMax: size,
                idempotency: .rememberedSecret, handler: rotate),
        ]
    }

    private func list(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let page = try keys.list(PageRequest(query: exchange.query), for: try exchange.caller())
        let data = page.rows.map { JSONValue.object(APIKeyAnswer.body(of: keys.managed($0))) }
        return .json(["data": .array(data), "has_more": .bool(page.hasMore)])
    }

    private func create(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let wish = try APIKeyRequest.wish(in: try exchange.members(), by: caller)
        let created = try await keys.create(wish, by: caller, trace: exchange.trace) { reveal in
            exchange.remembering { events in
                reveal(events).map { .json(APIKeyAnswer.body(of: $0), status: 201) }
            }
        }
        return .json(APIKeyAnswer.body(of: created), status: 201)
    }

    private func show(_ exchange: Exchange) throws(APIError) -> APIResponse {
        .json(.object(APIKeyAnswer.body(of: try keys.show(try exchange.keyID(), for: try exchange.caller()))))
    }

    private func change(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try exchange.keyID()
        let command = try APIKeyRequest.change(of: id, in: try exchange.members())
        return .json(.object(APIKeyAnswer.body(of: try await keys.change(command, by: caller, trace: exchange.trace))))
    }

    private func rotate(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try exchange.keyID()
        let grace = try exchange.members().integer("grace_period") ?? 0
        let rotated = try await keys.rotate(id, graceSeconds: grace, by: caller, trace: exchange.trace) { reveal in
            exchange.remembering { events in reveal(events).map { .json(APIKeyAnswer.body(of: $0)) } }
        }
        return .json(APIKeyAnswer.body(of: rotated))
    }

    private func revoke(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try exchange.keyID()
        return .json(.object(APIKeyAnswer.body(of: try await keys.revoke(id, by: caller, trace: exchange.trace))))
    }
}

extension Exchange {
    /// The API key that the path names.
    fileprivate func keyID() throws(APIError) -> KeyID {
        guard let id = KeyID(parameter("id")) else { throw .apiKeyNotFound }
        return id
    }
}

/// What the bodies of key requests ask for.
enum APIKeyRequest {
    static func wish(in members: RequestMembers, by caller: Principal) throws(APIError) -> KeyManagement.Wish {
        KeyManagement.Wish(
            name: try members.requiredString("name"), prefix: try prefix(in: members, by: caller),
            permissions: try permissions(in: members), expiresAt: try expiry(in: members),
            allowedAddresses: try addresses(in: members) ?? [], monthlyLimit: try members.integer("monthly_limit"))
    }

    static func change(of id: KeyID, in members: RequestMembers) throws(APIError) -> ChangeKey {
        var command = ChangeKey(keyID: id, name: try members.string("name"))
        command.allowedAddresses = try addresses(in: members)
        // Null takes a bound away; absent leaves it.
        if members.isNull("allowed_addresses") { command.allowedAddresses = [] }
        command.monthlyLimit = try members.integer("monthly_limit").map { .requests($0) }
        if members.isNull("monthly_limit") { command.monthlyLimit = KeyChanged.MonthlyLimit.none }
        return command
    }

    /// `prefix` chooses a dialect's keys, `environment` live or test; both together must agree.
    private static func prefix(in members: RequestMembers, by caller: Principal) throws(APIError) -> KeyPrefix {
        let environment = try members.choice("environment", KeyEnvironment.self)
        guard let prefix = try members.choice("prefix", KeyPrefix.self) else {
            return environment ?? caller.environment == .live ? .nanorixLive : .nanorixTest
        }
        guard environment == nil || environment == prefix.environment else {
            throw APIError(
                .badRequest, "Keys with the prefix \(prefix.rawValue) are \(prefix.environment.rawValue) keys.",
                field: "environment")
        }
        return prefix
    }

    /// An array of permissions, or the name of a preset.
    ///
    /// - Parameter name: what the dialect calls the member.
    static func permissions(in members: RequestMembers, _ name: String = "permissions") throws(APIError) -> Permissions?
    {
        guard let value = members.present(name) else { return nil }
        let known =
            if let preset = value.string { Permissions.preset(preset) } else {
                Permissions(names: try members.strings(name) ?? [])
            }
        guard let known else {
            let presets = Permissions.presets.map(\.name).joined(separator: ", ")
            let names = Permissions.full.names.joined(separator: ", ")
            throw APIError(
                .badRequest, "`\(name)` must be one of \(presets), or an array of: \(names).", field: name)
        }
        return known
    }

    static func expiry(in members: RequestMembers) throws(APIError) -> Timestamp? {
        guard let text = try members.string("expires_at") else { return nil }
        guard let time = Timestamp(text) else {
            throw APIError(.badRequest, "`expires_at` must look like 2026-12-31T23:59:59Z.", field: "expires_at")
        }
        return time
    }

    private static func addresses(in members: RequestMembers) throws(APIError) -> [AddressRange]? {
        guard let texts = try members.strings("allowed_addresses") else { return nil }
        var ranges: [AddressRange] = []
        for (index, text) in texts.enumerated() {
            let field = "allowed_addresses[\(index)]"
            let range: AddressRange
            do throws(AddressRange.Problem) { range = try AddressRange(text) } catch {
                throw APIError(.badRequest, "`\(field)` is not a range of addresses: \(error).", field: field)
            }
            if !ranges.contains(range) { ranges.append(range) }
        }
        return ranges
    }
}

/// An API key as its owner sees it; never its secret, but in the one answer that reveals it.
enum APIKeyAnswer {
    static func body(of revealed: KeyManagement.RevealedKey) -> JSONValue {
        var body = body(of: revealed.key)
        body["api_key"] = .string(revealed.text)
        body["message"] = "Save your API key — it cannot be retrieved later."
        return .object(body)
    }

    static func body(of key: KeyManagement.ManagedKey) -> JSONObject {
        let view = key.view
        var body = JSONObject()
        body["id"] = .string(view.id.text)
        body["name"] = .string(view.name)
        body["prefix"] = .string(view.display)
        body["environment"] = .string(view.environment.rawValue)
        body["permissions"] = JSONValue.array(view.permissions.names.map { .string($0) })
        body["status"] = .string(key.status.rawValue)
        body["allowed_addresses"] = JSONValue.array(view.allowedAddresses.map { .string($0.text) })
        body["monthly_limit"] = key.monthlyLimit.map { .integer($0) } ?? .null
        body["requests_this_month"] = .integer(key.requestsThisMonth)
        body["created_at"] = .string(view.createdAt.secondsText)
        body["expires_at"] = time(view.expiresAt)
        body["rotated_at"] = time(view.rotatedAt)
        body["revoked_at"] = time(view.revokedAt)
        body["last_used_at"] = time(view.lastUsedAt)
        body["last_refusal"] = refusal(view.lastRefusal)
        return body
    }

    private static func refusal(_ refusal: KeyView.LastRefusal?) -> JSONValue {
        guard let refusal else { return .null }
        return ["at": .string(refusal.at.secondsText), "reason": .string(refusal.reason.rawValue)]
    }

    static func time(_ time: Timestamp?) -> JSONValue { time.map { .string($0.secondsText) } ?? .null }
}
