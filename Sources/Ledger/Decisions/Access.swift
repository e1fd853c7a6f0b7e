import Proofs

/// Whose authority a command has: an active key, or a member, of one customer and in one environment.
struct Authority {
    let customerID: CustomerID
    let environment: KeyEnvironment
    let permissions: Permissions
    /// The key, when it is one.
    var keyID: KeyID?
    /// Where the key may be used from; empty for anywhere.
    var allowedAddresses: [AddressRange] = []
}

extension State {
    /// The authority of whoever acts; nil for the server and its operator, who act without.
    ///
    /// - Throws: `unauthorized` when the key is unknown, revoked or expired, or the member is none any more.
    func authority(_ context: DecisionContext, mayBeInactive: Bool = false) throws(Refusal) -> Authority? {
        switch context.actor {
        case .system, .operator: return nil
        case .key(let id):
            guard let key = keys[id], mayBeInactive || key.isActive(at: context.at) else { throw .unauthorized }
            return Authority(
                customerID: key.customerID, environment: key.environment, permissions: key.permissions, keyID: id,
                allowedAddresses: key.allowedAddresses)
        case .member(let id, let environment):
            guard let member = members[id], mayBeInactive || !member.isRemoved else { throw .unauthorized }
            return Authority(
                customerID: member.customerID, environment: environment, permissions: member.role.permissions)
        }
    }

    /// The live session `id`, if whoever acts may know of it.
    ///
    /// What somebody began is brought to its end even if the key was revoked meanwhile (`isContinuation`): a command's
    /// result and a measured destruction are facts, whoever asked for them.
    ///
    /// - Throws: `notFound` alike for what is not there, somebody else's, or of the other environment; `conflict` when it
    ///   has ended.
    func session(
        _ id: SessionID, for context: DecisionContext, isContinuation: Bool = false
    ) throws(Refusal) -> SessionRecord {
        let authority = try authority(context, mayBeInactive: isContinuation)
        func isVisible(_ customer: CustomerID, _ environment: KeyEnvironment) -> Bool {
            authority.map { $0.customerID == customer && $0.environment == environment } ?? true
        }
        if let session = sessions[id], isVisible(session.customerID, session.environment) { return session }
        if let past = ended[id], isVisible(past.customerID, past.environment) { throw .sessionEnded(past.status) }
        throw .sessionNotFound
    }
}
