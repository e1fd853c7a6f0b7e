import Proofs

extension State {
    func signUp(_ command: SignUp, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard customers[command.customerID] == nil else {
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
            Decided(stream: stream, event: .keyIssued(try issued(command.key, to: command.customerID, context))),
        ]
        if let owner = command.owner {
            decided.append(
                Decided(stream: stream, event: .memberAdded(try added(owner, as: .owner)), id: owner.eventID))
        }
        return decided
    }
}
