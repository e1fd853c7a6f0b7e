import Ledger
import Proofs
import Vault

/// A customer to be, with all its ids and its first key: what the vault takes, and the command once that is sealed.
struct RegistrationDraft: Sendable {
    /// What is answered when all is done.
    let registered: CustomerRegistration.Registered
    private let form: CustomerRegistration.Form
    private let key: NewKey
    private let eventID: EventID
    private let keyEventID: EventID
    /// The member who is to sign in, when there is a password.
    private let owner: Owner?

    private struct Owner: Sendable {
        let id: MemberID
        let eventID: EventID
        let verifier: String
    }

    /// - Parameter verifier: of the form's password, when it has one.
    init(_ form: CustomerRegistration.Form, verifier: String?) throws(APIError) {
        var generator = RandomBatch()
        let key = try NewAPIKey(prefix: .nanorixLive, name: "default", permissions: .full, using: &generator)
        self.form = form
        self.key = key.issued
        eventID = EventID(using: &generator)
        keyEventID = EventID(using: &generator)
        owner = verifier.map {
            Owner(id: MemberID(using: &generator), eventID: EventID(using: &generator), verifier: $0)
        }
        registered = CustomerRegistration.Registered(
            customerID: CustomerID(using: &generator), apiKey: key.text, memberID: owner?.id)
    }

    /// The customer's place in the vault, and all that is to be sealed, each field bound to the event that holds it.
    var place: NewCustomer {
        var fields = [FieldToSeal(text: form.email.text, context: eventID.text, field: SealedField.email)]
        if let owner {
            func add(_ text: String, _ field: String) {
                fields.append(FieldToSeal(text: text, context: owner.eventID.text, field: field))
            }
            add(form.email.text, SealedField.email)
            add(owner.verifier, SealedField.verifier)
            if let name = form.name { add(name.text, SealedField.name) }
        }
        return NewCustomer(
            customerID: registered.customerID.text, email: form.email.text, ownerID: owner?.id.text, fields: fields)
    }

    /// - Parameter sealed: the fields of ``place``, in their order.
    func command(sealed: [String]) throws(APIError) -> SignUp {
        var sealed = sealed[...]
        func next() throws(APIError) -> String {
            guard let field = sealed.popFirst() else { throw .internalError }
            return field
        }
        var command = SignUp(
            customerID: registered.customerID, eventID: eventID, sealedEmail: try next(), tier: form.tier, key: key,
            keyEventID: keyEventID)
        if let jurisdiction = form.jurisdiction { command.jurisdiction = jurisdiction }
        if let owner {
            let (email, verifier) = (try next(), try next())
            command.owner = NewMember(
                id: owner.id, eventID: owner.eventID, sealedEmail: email,
                sealedName: form.name == nil ? nil : try next(), sealedVerifier: verifier)
        }
        return command
    }
}
