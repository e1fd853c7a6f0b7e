import EventStore
import Ledger

extension Projector {
    /// What happens to an organisation's members, invitations and sign-ins; shown to live and test alike.
    func applyToOrganisation(_ event: LedgerEvent, _ envelope: OpenedEnvelope) throws(ProjectionError) {
        let customer = try customer(try streamID(CustomerID.self, envelope), envelope)
        switch event {
        case .memberAdded(let payload):
            try members.apply(payload, customer: customer, envelope)
            if let invitation = payload.invitationID { try invitations.mark(invitation, as: .accepted) }
        case .memberRoleChanged(let payload): try members.apply(payload)
        case .memberRemoved(let payload): try members.apply(payload, envelope)
        case .memberPasswordChanged(let payload): try members.apply(payload, envelope)
        case .invitationCreated(let payload): try invitations.apply(payload, customer: customer, envelope)
        case .invitationRevoked(let payload): try invitations.mark(payload.invitationID, as: .revoked)
        case .signInStarted(let payload): try members.apply(payload, envelope)
        default: break
        }
        try events.add(envelope, customer: customer)
    }
}
