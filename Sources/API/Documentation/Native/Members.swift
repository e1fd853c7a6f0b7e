import CanonicalJSON
import Ledger

extension RouteFamily {
    static let members = RouteFamily(
        "Members", "Who belongs to the organisation, and as what; invitations.",
        [
            RouteDescription(
                "GET /v1/members", "listMembers", "List the members", "",
                RouteDescription.Parameter.page(after: .memberID),
                answers: [.json("A page.", .page(of: member))], errors: [.badRequest]),
            RouteDescription(
                "GET /v1/members/:id", "showMember", "Show a member", "", [memberID],
                answers: [.json("The member.", member)], errors: [.notFound]),
            RouteDescription(
                "PATCH /v1/members/:id", "changeRole", "Change a member's role",
                "The last owner stays one. Takes effect with the member's next request.", [memberID],
                body: .object([.required("role", .role)]),
                answers: [.json("The member.", member)], errors: [.notFound, .conflict]),
            RouteDescription(
                "DELETE /v1/members/:id", "removeMember", "Remove a member", "Their sign-ins end at once.", [memberID],
                answers: [
                    .json("Removed.", .object([.required("id", .memberID), .required("removed", .flag())]))
                ], errors: [.notFound, .conflict]),
            RouteDescription(
                "GET /v1/invitations", "listInvitations", "List the invitations", "",
                RouteDescription.Parameter.page(after: .invitationID),
                answers: [.json("A page.", .page(of: invitation))], errors: [.badRequest]),
            RouteDescription(
                "POST /v1/invitations", "invite", "Invite somebody", "The token is in this one answer; pass it on.",
                body: .object([
                    .required("email", .email), .required("role", .role),
                    .accepted("expires_in_days", .integer(1...30, example: 7)),
                ]),
                answers: [
                    .json(
                        201, "The invitation, and its token.",
                        .object(
                            invitationMembers + [
                                .required("token", .text("nrx_invite_…")), .required("message", .message),
                            ]))
                ], errors: [.conflict]),
            RouteDescription(
                "GET /v1/invitations/:id", "showInvitation", "Show an invitation", "", [invitationID],
                answers: [.json("The invitation.", invitation)], errors: [.notFound]),
            RouteDescription(
                "DELETE /v1/invitations/:id", "revokeInvitation", "Revoke an invitation", "", [invitationID],
                answers: [.json("The invitation, revoked.", invitation)], errors: [.notFound, .conflict]),
            RouteDescription(
                "POST /v1/invitations/accept", "acceptInvitation", "Join with an invitation's token",
                body: .object([
                    .required("token", .text("nrx_invite_…")), .required("password", .password),
                    .accepted("name", .label("Ada Lovelace", max: 100)),
                ]),
                answers: [
                    .json(
                        201, "The new member.",
                        .object(
                            memberMembers + [.required("customer_id", .customerID), .required("message", .message)]))
                ], errors: [.notFound, .conflict]),
        ])

    private static let memberID = RouteDescription.Parameter.path("id", .memberID, "The member.")
    private static let invitationID = RouteDescription.Parameter.path("id", .invitationID, "The invitation.")
    private static let member = Schema.object(memberMembers).named("Member")

    private static let invitationMembers: [Schema.Member] = [
        .required("id", .invitationID), .required("email", .email), .required("role", .role),
        .required("status", .choice(["pending", "accepted", "revoked", "expired"])),
        .required("invited_by", .text("mem_a8f3e71c4b2d9f06a8f3e71c4b2d9f06")), .required("created_at", .time()),
        .required("expires_at", .time("2026-03-08T14:00:00Z")),
    ]
    private static let invitation = Schema.object(invitationMembers).named("Invitation")
}
