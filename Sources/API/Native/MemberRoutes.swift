import CanonicalJSON
import Ledger
import Logging
import Projections
import Vault

/// `/v1/members`: who belongs to the organisation, and as what.
struct MemberRoutes: Sendable {
    let ledger: LedgerService
    let reads: ReadModel
    let vault: Vault
    let secrets: MemberSecrets
    let logger: Logger

    var routes: [Route] {
        [
            Route(.get, "/v1/members", .key(.membersRead), handler: list),
            Route(.get, "/v1/members/:id", .key(.membersRead), handler: show),
            Route(.patch, "/v1/members/:id", .key(.membersWrite), bodyBytesMax: 16_384, handler: changeRole),
            Route(.delete, "/v1/members/:id", .key(.membersWrite), bodyBytesMax: 16_384, handler: remove),
        ]
    }

    private func list(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let page = try reads.members(of: try exchange.caller(), try PageRequest(query: exchange.query))
        var data: [JSONValue] = []
        for member in page.rows {
            data.append(.object(try await MemberAnswer(secrets: secrets).body(of: member)))
        }
        return .json(["data": .array(data), "has_more": .bool(page.hasMore)])
    }

    private func show(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let member = try reads.member(try exchange.memberID(), for: try exchange.caller())
        return .json(.object(try await MemberAnswer(secrets: secrets).body(of: member)))
    }

    private func changeRole(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let id = try exchange.memberID()
        guard let role = try exchange.members().choice("role", Role.self) else {
            throw APIError(.badRequest, "`role` is required and must be one of: \(Role.list).", field: "role")
        }
        let command = ChangeRole(memberID: id, role: role)
        _ = try await ledger.perform(.changeRole(command), as: caller.actor, trace: exchange.trace)
        return .json(.object(try await MemberAnswer(secrets: secrets).body(of: try reads.member(id, for: caller))))
    }

    private func remove(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let id = try exchange.memberID()
        _ = try await ledger.perform(.removeMember(id), as: try exchange.caller().actor, trace: exchange.trace)
        // The removal is durable. Should the e-mail stay taken now, the next start frees it.
        do throws(VaultError) { try await vault.releaseMember(id.text) } catch {
            logger.error(
                "the e-mail of a removed member is not free yet",
                metadata: ["member": .string(id.text), "error": .string("\(error)")])
        }
        return .json(["id": .string(id.text), "removed": true])
    }
}

extension Role {
    /// All roles, for messages.
    static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension Exchange {
    /// The member that the path names.
    fileprivate func memberID() throws(APIError) -> MemberID {
        guard let id = MemberID(parameter("id")) else { throw .memberNotFound }
        return id
    }
}
