import Proofs
extension State {
    /// The key that acts, if one does; the server and its operator act without.
    ///
    /// - Throws: `unauthorized` when the key is unknown, revoked or expired.
    func actingKey(_ context: DecisionContext, mayBeInactive: Bool = false) throws(Refusal) -> KeyRecord? {
        guard case .key(let id) = context.actor else { return nil }
        guard let key = keys[id], mayBeInactive || key.isActive(at: context.at) else { throw .unauthorized }
        return key
    }

    /// The live session `id`, if whoever acts may know of it.
    ///
    /// What a key began is brought to its end even if the key was revoked meanwhile (`isContinuation`): a command's
    /// result and a measured destruction are facts, whoever asked for them.
    ///
    /// - Throws: `notFound` alike for what is not there, somebody else's, or of the other environment; `conflict` when it
    ///   has ended.
    func session(
        _ id: SessionID, for context: DecisionContext, isContinuation: Bool = false
    ) throws(Refusal) -> SessionRecord {
        let key = try actingKey(context, mayBeInactive: isContinuation)
        func isVisible(_ customer: CustomerID, _ environment: KeyEnvironment) -> Bool {
            key.map { $0.customerID == customer && $0.environment == environment } ?? true
        }
        if let session = sessions[id], isVisible(session.customerID, session.environment) { return session }
        if let past = ended[id], isVisible(past.customerID, past.environment) { throw .sessionEnded(past.status) }
        throw .sessionNotFound
    }
}
