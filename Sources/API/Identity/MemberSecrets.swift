import Ledger
import Projections
import Vault

/// Seals and opens what is personal about members, each field bound to the event that holds it.
struct MemberSecrets: Sendable {
    let vault: Vault

    /// What a new member's event holds; `eventID` is the event's.
    func seal(
        _ id: MemberID, email: String, name: String?, verifier: String, of customer: CustomerID, eventID: EventID
    ) async throws(APIError) -> NewMember {
        let sealedName: String?
        if let name {
            sealedName = try await seal(name, SealedField.name, of: customer, eventID)
        } else {
            sealedName = nil
        }
        return NewMember(
            id: id, eventID: eventID, sealedEmail: try await seal(email, SealedField.email, of: customer, eventID),
            sealedName: sealedName,
            sealedVerifier: try await seal(verifier, SealedField.verifier, of: customer, eventID))
    }

    func seal(
        _ text: String, _ field: String, of customer: CustomerID, _ eventID: EventID
    ) async throws(APIError) -> String {
        do throws(VaultError) {
            return try await vault.seal(text, customerID: customer.text, context: eventID.text, field: field)
        } catch { throw APIError(vault: error) }
    }

    func email(of member: MemberView) async throws(APIError) -> String {
        try await open(member.sealedEmail, SealedField.email, of: member.customerID, member.profileEventID)
    }

    func name(of member: MemberView) async throws(APIError) -> String? {
        guard let sealed = member.sealedName else { return nil }
        return try await open(sealed, SealedField.name, of: member.customerID, member.profileEventID)
    }

    func verifier(of member: MemberView) async throws(APIError) -> String {
        try await open(member.sealedVerifier, SealedField.verifier, of: member.customerID, member.passwordEventID)
    }

    func email(of invitation: InvitationView) async throws(APIError) -> String {
        try await open(invitation.sealedEmail, SealedField.email, of: invitation.customerID, invitation.eventID)
    }

    func email(of customer: CustomerView) async throws(APIError) -> String {
        try await open(customer.sealedEmail, SealedField.email, of: customer.id, customer.eventID)
    }

    /// Whether the customer's data key is in memory.
    func canOpenAtOnce(of customer: CustomerID) -> Bool { vault.holdsDataKey(of: customer.text) }

    /// What ``email(of:)`` and ``organisation(of:)`` say, without waiting; nil when the customer's data key is not in memory.
    func openAtOnce(
        _ customer: CustomerView
    ) throws(APIError) -> (email: String, organisation: String?)? {
        do throws(VaultError) {
            guard
                let email = try vault.openAtOnce(
                    customer.sealedEmail, customerID: customer.id.text, context: customer.eventID,
                    field: SealedField.email)
            else { return nil }
            guard let sealed = customer.sealedOrganisation, let eventID = customer.organisationEventID else {
                return (email, nil)
            }
            guard
                let organisation = try vault.openAtOnce(
                    sealed, customerID: customer.id.text, context: eventID, field: SealedField.organisation)
            else { return nil }
            return (email, organisation)
        } catch { throw Self.cannotBeOpened(error) }
    }

    func organisation(of customer: CustomerView) async throws(APIError) -> String? {
        guard let sealed = customer.sealedOrganisation, let eventID = customer.organisationEventID else { return nil }
        return try await open(sealed, SealedField.organisation, of: customer.id, eventID)
    }

    /// The same; nil where the customer's data key is gone, and with it whatever it sealed.
    func knownEmail(of customer: CustomerView) async throws(APIError) -> String? {
        do throws(VaultError) {
            return try await vault.open(
                customer.sealedEmail, customerID: customer.id.text, context: customer.eventID, field: SealedField.email)
        } catch {
            if error.code == .unknownCustomer { return nil }
            throw Self.cannotBeOpened(error)
        }
    }

    private func open(
        _ sealed: String, _ field: String, of customer: CustomerID, _ eventID: String
    ) async throws(APIError) -> String {
        do throws(VaultError) {
            return try await vault.open(sealed, customerID: customer.text, context: eventID, field: field)
        } catch { throw Self.cannotBeOpened(error) }
    }

    private static func cannotBeOpened(_ error: VaultError) -> APIError {
        APIError(.internalError, "A sealed field cannot be opened: \(error)")
    }
}

/// Names of sealed fields, bound into their authentication beside the customer and the event.
enum SealedField {
    static let email = "email"
    static let name = "name"
    static let verifier = "verifier"
    static let organisation = "organisation"
    static let subscription = "subscription"
}

extension APIError {
    /// The vault did not do what a request needs.
    init(vault error: VaultError) {
        self =
            error.code == .emailTaken
            ? APIError(.conflict, "This e-mail address is registered already. Sign in, or use another address.")
            : APIError(.unavailable, "The vault cannot write at the moment. Try again later.", retryAfterSeconds: 30)
    }
}
