import Proofs
import EventStore
import Merkle

extension State {
    func issueKey(_ command: IssueKey, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let acting = try authority(context)
        guard let customer = customers[command.customerID], acting.map({ $0.customerID == customer.id }) ?? true else {
            throw .customerNotFound
        }
        var new = command.key
        if let acting {
            guard acting.permissions.isSuperset(of: new.permissions) else { throw .permissionsBeyondOwn }
            // Live authority may make the first test key; a test key never reaches into live data.
            guard acting.environment == .live || new.prefix.environment == .test else {
                throw Refusal(
                    .forbidden, "A live key cannot be made from test data. Ask with a live key.", field: "environment")
            }
            if new.allowedAddresses.isEmpty { new.allowedAddresses = acting.allowedAddresses }
            try checkAddresses(new.allowedAddresses, givenBy: acting)
        }
        if let tier = command.tier { try hold(&new, to: tier, of: customer) }
        if let limit = Plan.of(customer.tier).activeKeysMax(of: new.prefix),
            activeKeys(of: customer.id, prefix: new.prefix, at: context.at) >= limit
        {
            throw .keysExceeded(limit: limit, prefix: new.prefix)
        }
        return [Decided(stream: customer.id.text, event: .keyIssued(try issued(new, to: customer.id, context)))]
    }

    /// Nobody gets more than is paid for; a lower plan's number becomes the key's own limit.
    private func hold(_ key: inout NewKey, to tier: Tier, of customer: CustomerRecord) throws(Refusal) {
        guard tier.rank <= customer.tier.rank else {
            throw Refusal(
                .forbidden, "The account's plan is lower than that. Upgrade, or leave `tier` out.", field: "tier")
        }
        let (asked, paid) = (Plan.of(tier), Plan.of(customer.tier))
        guard let limit = asked.requestsPerMonth(of: key.prefix), limit != paid.requestsPerMonth(of: key.prefix) else {
            return
        }
        key.monthlyLimit = min(key.monthlyLimit ?? .max, Int64(limit))
    }

    /// The event of a new key, which the customer may be about to get together with its account.
    func issued(_ key: NewKey, to customer: CustomerID, _ context: DecisionContext) throws(Refusal) -> KeyIssued {
        guard keys[key.id] == nil else { throw Refusal(.conflict, "This API key exists already. Try again.") }
        try checkSecret(key.secretSHA256, display: key.display, prefix: key.prefix)
        try checkName(key.name)
        try checkCount(of: key.allowedAddresses)
        try checkMonthlyLimit(key.monthlyLimit)
        guard !key.permissions.isEmpty else {
            throw Refusal(.badRequest, "Give the key at least one permission.", field: "permissions")
        }
        guard key.expiresAt.map({ $0 > context.at }) ?? true else {
            throw Refusal(.badRequest, "The key would be expired already. Give a later time.", field: "expires_at")
        }
        return KeyIssued(
            customerID: customer, display: key.display, environment: key.prefix.environment, expiresAt: key.expiresAt,
            keyID: key.id, name: key.name, permissions: key.permissions, prefix: key.prefix,
            secretSHA256: key.secretSHA256, allowedAddresses: key.allowedAddresses, monthlyLimit: key.monthlyLimit)
    }

    func changeKey(_ command: ChangeKey, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let acting = try authority(context)
        let key = try manageableKey(command.keyID, acting)
        guard command.name != nil || command.allowedAddresses != nil || command.monthlyLimit != nil else {
            throw Refusal(.badRequest, "Nothing to change. Give name, allowed_addresses or monthly_limit.")
        }
        if let name = command.name { try checkName(name) }
        if let ranges = command.allowedAddresses {
            try checkCount(of: ranges)
            try checkPower(of: acting, over: key)
            try checkAddresses(ranges, givenBy: acting)
        }
        if let limit = command.monthlyLimit {
            try checkMonthlyLimit(limit.requests)
            try checkPower(of: acting, over: key)
            guard acting?.keyID != key.id else {
                throw Refusal(
                    .forbidden, "A key cannot change its own monthly limit. Use another key.", field: "monthly_limit")
            }
        }
        let changed = KeyChanged(
            keyID: key.id, name: command.name, allowedAddresses: command.allowedAddresses,
            monthlyLimit: command.monthlyLimit)
        return [Decided(stream: key.customerID.text, event: .keyChanged(changed))]
    }

    func rotateKey(_ command: RotateKey, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let acting = try authority(context)
        let key = try manageableKey(command.keyID, acting)
        guard key.isActive(at: context.at) else {
            throw Refusal(.conflict, "This API key is expired. Create a new key.")
        }
        // Whoever rotates a key holds it afterwards.
        try checkPower(of: acting, over: key)
        if let acting { try checkAddresses(key.allowedAddresses, givenBy: acting) }
        try checkSecret(command.secretSHA256, display: command.display, prefix: key.prefix)
        guard (0...KeyLimits.graceSecondsMax).contains(command.graceSeconds) else {
            throw Refusal(
                .badRequest, "grace_period must be 0 to \(KeyLimits.graceSecondsMax) seconds.", field: "grace_period")
        }
        // The current secret and the new one are not among them.
        let replaced = liveReplacedSecrets(of: key, at: context.at).count
        guard command.graceSeconds == 0 || replaced + 2 <= KeyLimits.secretsMax else {
            throw Refusal(
                .conflict,
                "\(KeyLimits.secretsMax) secrets of this key work already. Wait for a grace to end, or rotate without one."
            )
        }
        let rotated = KeyRotated(
            display: command.display, keyID: key.id,
            previousEndsAt: command.graceSeconds == 0 ? nil : context.at.adding(seconds: command.graceSeconds),
            secretSHA256: command.secretSHA256)
        return [Decided(stream: key.customerID.text, event: .keyRotated(rotated))]
    }

    /// Any key that may manage keys may end any of its environment: a leaked key must be stoppable at once.
    func revokeKey(_ command: RevokeKey, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let key = try manageableKey(command.keyID, try authority(context))
        return [Decided(stream: key.customerID.text, event: .keyRevoked(KeyRevoked(keyID: key.id)))]
    }

    func recordKeyRefusal(_ command: RecordKeyRefusal, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        guard let key = keys[command.keyID], customers[key.customerID] != nil, command.reason.namesAKey else {
            throw .keyNotFound
        }
        guard !key.hasRecordedRefusal(command.reason, at: context.at) else {
            throw Refusal(.conflict, "Such a refusal is recorded for this day already.")
        }
        let refused = KeyRefused(keyID: key.id, reason: command.reason)
        return [Decided(stream: key.customerID.text, event: .keyRefused(refused))]
    }
}

extension State {
    /// The key `id`, not revoked, if whoever acts may know of it.
    private func manageableKey(_ id: KeyID, _ acting: Authority?) throws(Refusal) -> KeyRecord {
        guard let key = keys[id],
            acting.map({ $0.customerID == key.customerID && $0.environment == key.environment }) ?? true
        else { throw .keyNotFound }
        guard !key.isRevoked else { throw Refusal(.conflict, "This API key is revoked already, for ever.") }
        return key
    }

    /// Nobody gains a permission, or loosens a bound, through a key that may do more than the own one.
    private func checkPower(of acting: Authority?, over key: KeyRecord) throws(Refusal) {
        guard acting.map({ $0.permissions.isSuperset(of: key.permissions) }) ?? true else {
            throw Refusal(
                .forbidden,
                "This key may do more than who asks. Ask with a key, or as a member, with all of its permissions.")
        }
    }

    private func checkAddresses(_ ranges: [AddressRange], givenBy acting: Authority?) throws(Refusal) {
        guard let acting, !acting.allowedAddresses.isEmpty else { return }
        guard !ranges.isEmpty, acting.allowedAddresses.cover(ranges) else {
            throw Refusal(
                .forbidden, "A key cannot allow addresses that it may not be used from itself.",
                field: "allowed_addresses")
        }
    }

    private func checkSecret(_ hash: Hash, display: String, prefix: KeyPrefix) throws(Refusal) {
        guard secrets[hash] == nil else { throw Refusal(.conflict, "This API key exists already. Try again.") }
        guard display.utf8.count <= 16, display.utf8.starts(with: prefix.rawValue.utf8) else {
            throw Refusal(.badRequest, "The shown part of a key begins with its prefix and is short.", field: "display")
        }
    }

    private func checkName(_ text: String) throws(Refusal) {
        guard (1...100).contains(text.count), text.utf8.count <= 400,
            text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            throw Refusal(
                .badRequest, "The name must have 1 to 100 characters, none of them a control character.", field: "name")
        }
    }

    private func checkCount(of ranges: [AddressRange]) throws(Refusal) {
        guard ranges.count <= KeyLimits.allowedAddressesMax else {
            throw Refusal(
                .badRequest, "At most \(KeyLimits.allowedAddressesMax) ranges of addresses can be allowed.",
                field: "allowed_addresses")
        }
    }

    private func checkMonthlyLimit(_ limit: Int64?) throws(Refusal) {
        guard limit.map({ (1...KeyLimits.monthlyLimitMax).contains($0) }) ?? true else {
            throw Refusal(
                .badRequest, "monthly_limit must be 1 to \(KeyLimits.monthlyLimitMax), or null for none.",
                field: "monthly_limit")
        }
    }
}
