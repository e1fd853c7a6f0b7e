import EventStore
import Ledger
import Proofs

/// What an account can change of itself, whichever dialect asks: where its organisation is, and what it is called.
struct AccountChange: Sendable {
    let ledger: LedgerService
    let secrets: MemberSecrets

    /// Changes what `members` name.
    ///
    /// - Throws: `badRequest` for what cannot be, or for nothing; what the ledger refuses.
    func perform(_ members: RequestMembers, by caller: Principal, trace: String) async throws(APIError) {
        guard members.present("email") == nil else {
            throw APIError(
                .badRequest,
                "The e-mail address of an account cannot be changed: it is what the account is known by. Erase the "
                    + "account and sign up with the other address.", field: "email")
        }
        var generator = SystemRandomNumberGenerator()
        let eventID = EventID(using: &generator)
        var command = ChangeCustomer(customerID: caller.customerID, eventID: eventID)
        command.jurisdiction = try members.choice("jurisdiction", Jurisdiction.self)
        if members.isNull("organisation") { command.organisation = CustomerChanged.Organisation.none }
        if let text = try members.string("organisation") {
            let name = try OrganisationName(text)
            command.organisation = .sealed(
                try await secrets.seal(name.text, SealedField.organisation, of: caller.customerID, eventID))
        }
        _ = try await ledger.perform(.changeCustomer(command), as: caller.actor, trace: trace)
    }
}
