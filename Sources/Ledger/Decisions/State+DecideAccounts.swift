import Proofs
import CanonicalJSON
import EventStore

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
        return [
            Decided(stream: stream, event: .customerCreated(created), id: command.eventID),
            Decided(stream: stream, event: .keyIssued(try issued(command.key, to: command.customerID, context))),
        ]
    }

    func issueKey(_ command: IssueKey, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let acting = try authority(context)
        guard let customer = customers[command.customerID], acting.map({ $0.customerID == customer.id }) ?? true else {
            throw .customerNotFound
        }
        if let acting {
            guard acting.permissions.isSuperset(of: command.key.permissions) else {
                throw Refusal(
                    .forbidden,
                    "Nobody can give permissions that they do not have. Ask with a key, or as a member, that has them.",
                    field: "permissions")
            }
            guard acting.environment == command.key.prefix.environment else {
                throw Refusal(
                    .forbidden, "A test key manages test keys only, a live key live ones.", field: "environment")
            }
        }
        if let limit = Plan.of(customer.tier).activeKeysMax(of: command.key.prefix),
            activeKeys(of: customer.id, prefix: command.key.prefix, at: context.at) >= limit
        {
            throw .keysExceeded(limit: limit)
        }
        return [
            Decided(
                stream: customer.id.text, event: .keyIssued(try issued(command.key, to: customer.id, context)))
        ]
    }

    func revokeKey(_ command: RevokeKey, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let acting = try authority(context)
        guard let key = keys[command.keyID],
            acting.map({ $0.customerID == key.customerID && $0.environment == key.environment }) ?? true
        else { throw .keyNotFound }
        guard !key.isRevoked else { throw Refusal(.conflict, "This API key is revoked already.") }
        return [Decided(stream: key.customerID.text, event: .keyRevoked(KeyRevoked(keyID: key.id)))]
    }

    private func issued(
        _ key: NewKey, to customer: CustomerID, _ context: DecisionContext
    ) throws(Refusal) -> KeyIssued {
        guard keys[key.id] == nil, keysBySecret[key.secretSHA256] == nil else {
            throw Refusal(.conflict, "This API key exists already. Try again.")
        }
        guard Self.isName(key.name) else {
            throw Refusal(
                .badRequest, "The name must have 1 to 100 characters, none of them a control character.", field: "name")
        }
        guard key.display.utf8.count <= 16, key.display.utf8.starts(with: key.prefix.rawValue.utf8) else {
            throw Refusal(.badRequest, "The shown part of a key begins with its prefix and is short.", field: "display")
        }
        guard key.expiresAt.map({ $0 > context.at }) ?? true else {
            throw Refusal(.badRequest, "The key would be expired already. Give a later time.", field: "expires_at")
        }
        return KeyIssued(
            customerID: customer, display: key.display, environment: key.prefix.environment, expiresAt: key.expiresAt,
            keyID: key.id, name: key.name, permissions: key.permissions, prefix: key.prefix,
            secretSHA256: key.secretSHA256)
    }

    private static func isName(_ text: String) -> Bool {
        (1...100).contains(text.count) && text.utf8.count <= 400
            && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }
}

extension State {
    func reserveRequests(_ command: CountRequests, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let (key, customer) = try counted(command)
        if let limit = Plan.of(customer.tier).requestsPerMonth(of: key.prefix) {
            let cycle = cycle.advanced(to: context.at)
            guard key.requests(in: cycle) + command.requests <= Int64(limit) else {
                throw Refusal(
                    .rateLimited, "The limit of \(limit) requests this month is reached. Wait for the 1st or upgrade.")
            }
        }
        let day = max(context.at.dayText, key.reservedDay)
        return [tick(key, day, .reserved(command.requests))]
    }

    func returnRequests(_ command: CountRequests, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let (key, _) = try counted(command)
        guard command.requests <= key.reservedRequests else {
            throw Refusal(.conflict, "More requests are returned than were reserved.")
        }
        return [tick(key, key.reservedDay, .returned(command.requests))]
    }

    private func counted(_ command: CountRequests) throws(Refusal) -> (KeyRecord, CustomerRecord) {
        guard let key = keys[command.keyID], let customer = customers[key.customerID] else { throw .keyNotFound }
        guard command.requests >= 1 else {
            throw Refusal(.badRequest, "A block has at least one request.", field: "requests")
        }
        return (key, customer)
    }

    private func tick(_ key: KeyRecord, _ day: String, _ change: UsageTick.Change) -> Decided {
        let tick = UsageTick(change: change, customerID: key.customerID, day: day, keyID: key.id)
        return Decided(stream: key.customerID.text, event: .usageTick(tick))
    }
}
