import Proofs

extension State {
    func signUp(_ command: SignUp, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard customers[command.customerID] == nil, !erased.contains(command.customerID) else {
            throw Refusal(.conflict, "This customer id is taken. Try again.")
        }
        guard Base64.isCanonical(command.sealedEmail) else {
            throw Refusal(.badRequest, "The sealed e-mail must be base64.", field: "sealed_email")
        }
        let stream = command.customerID.text
        let created = CustomerCreated(
            jurisdiction: command.jurisdiction, sealedEmail: command.sealedEmail, tier: command.tier)
        var decided = [
            Decided(stream: stream, event: .customerCreated(created), id: command.eventID),
            Decided(
                stream: stream, event: .keyIssued(try issued(command.key, to: command.customerID, context)),
                id: command.keyEventID),
        ]
        if let owner = command.owner {
            decided.append(
                Decided(stream: stream, event: .memberAdded(try added(owner, as: .owner)), id: owner.eventID))
        }
        return decided
    }
    func changeCustomer(_ command: ChangeCustomer, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let customer = try ownCustomer(command.customerID, context)
        let changed = CustomerChanged(jurisdiction: command.jurisdiction, organisation: command.organisation)
        do { try changed.checkIsReadable() } catch {
            throw Refusal(
                .badRequest, "Say what is to change: `jurisdiction`, `organisation`, or both.", field: error.member)
        }
        return [Decided(stream: customer.id.text, event: .customerChanged(changed), id: command.eventID)]
    }

    /// Sessions come to their end, with proofs, before their customer does.
    func eraseCustomer(_ id: CustomerID, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let customer = try ownCustomer(id, context)
        guard customer.liveSessions == 0, customer.testSessions == 0 else {
            throw Refusal(.conflict, "Sessions of this account are alive. Destroy them first.")
        }
        return [Decided(stream: customer.id.text, event: .customerErased(CustomerErased()))]
    }

    /// The customer `id`, when whoever acts may change the account itself.
    func ownCustomer(_ id: CustomerID, _ context: DecisionContext) throws(Refusal) -> CustomerRecord {
        let authority = try authority(context)
        guard let customer = customers[id], authority.map({ $0.customerID == id }) ?? true else {
            throw .customerNotFound
        }
        guard authority?.environment != .test else {
            throw Refusal(
                .forbidden, "An account is changed with a live key, or signed in without `Nrx-Environment: test`.")
        }
        guard authority?.permissions.contains(.accountWrite) ?? true else {
            throw Refusal(.forbidden, "Changing the account needs the permission account:write.")
        }
        return customer
    }
}
