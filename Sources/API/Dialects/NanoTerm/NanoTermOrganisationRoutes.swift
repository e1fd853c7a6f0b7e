import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

/// `/api/org/members` and `/api/info`.
struct NanoTermOrganisationRoutes: Sendable {
    let reads: ReadModel
    let ledger: LedgerService
    let members: MemberSecrets
    let invitations: InvitationRoutes
    let region: String

    private static let path = "/api/org/members"

    var routes: [Route] {
        [
            Route(.get, Self.path, .key(.membersRead), handler: list),
            Route(
                .post, Self.path, .key(.membersWrite), bodyBytesMax: 16_384, idempotency: .rememberedSecret,
                handler: invite),
            Route(.get, "/api/info", .public, isForAnyOrigin: true, handler: info),
        ]
    }

    private func list(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let request = try PageRequest(query: exchange.query, limitDefault: PageRequest.limitMax)
        let page = try reads.members(of: try exchange.caller(), request)
        var rows: [JSONValue] = []
        for member in page.rows {
            rows.append([
                "id": .string(member.id.text), "email": .string(try await members.email(of: member)),
                "name": try await members.name(of: member).map { .string($0) } ?? .null,
                "role": .string(member.role.rawValue), "createdAt": .string(member.createdAt.secondsText),
                "lastSignInAt": member.lastSignInAt.map { .string($0.secondsText) } ?? .null,
            ])
        }
        var response = APIResponse.json(.array(rows))
        if page.hasMore, let last = page.rows.last {
            response.headers.append(request.link(to: Self.path, after: last.id.text))
        }
        return response
    }

    /// Asks somebody in. The token is shown once, to whoever invites, who passes it on.
    private func invite(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let members = try exchange.members()
        let role = try members.choice("role", Role.self) ?? .developer
        return try await invitations.invite(
            try EmailAddress(try members.requiredString("email")), as: role, days: InvitationRoutes.daysDefault,
            exchange
        ) { issued in
            [
                "id": .string(issued.id.text), "email": .string(issued.email), "role": .string(issued.role.rawValue),
                "status": "pending", "createdAt": .string(issued.createdAt.secondsText),
                "expiresAt": .string(issued.expiresAt.secondsText), "token": .string(issued.token),
            ]
        }
    }

    private static func body(of size: WorkspaceOffer.Size) -> JSONValue {
        let plans = Tier.allCases.filter { WorkspaceOffer.fits(size, Plan.of($0)) }.map(NanoTermPlan.name)
        return [
            "name": .string(size.name), "memoryBytes": .integer(size.memoryBytes),
            "storageBytes": .integer(size.workspaceBytes), "plans": .array(plans.map { .string($0) }),
        ]
    }

    /// What this server is and can do; nothing about anyone.
    private func info(_: Exchange) -> APIResponse {
        .json([
            "name": "nrx-ledger", "region": .string(region), "minimumCliVersion": .string(NanoTermClient.versionMin),
            "images": .array(WorkspaceOffer.images.map { .string($0) }),
            "sizes": .array(WorkspaceOffer.sizes.map(Self.body)),
            "features": [
                "exec": true, "files": true, "terminal": true, "proxy": true, "diff": true, "repositories": false,
                "publishedPorts": false, "snapshots": false, "policies": false,
            ],
            "errors": .string(NanoTermDocs.path),
        ])
    }
}
