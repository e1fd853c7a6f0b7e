import CanonicalJSON
import Crypto
import EventStore
import Ledger
import Projections
import Proofs
import Vault

/// The registry of agents: reads for anyone, writes by the rules of the ledger, credentials under this node's key.
struct AgentRegistry: Sendable {
    let ledger: LedgerService
    let reads: ReadModel
    private let signingKey: Curve25519.Signing.PrivateKey
    /// Who this node is as an issuer of credentials.
    let issuer: DIDKey

    /// - Throws: `internalError` when the vault's key is none, which no vault can bring about.
    init(ledger: LedgerService, reads: ReadModel, vault: Vault) throws(APIError) {
        self.ledger = ledger
        self.reads = reads
        do { signingKey = try Curve25519.Signing.PrivateKey(rawRepresentation: vault.credentialKeySeed()) } catch {
            throw .internalError
        }
        guard let issuer = DIDKey(publicKey: Array(signingKey.publicKey.rawRepresentation)) else {
            throw .internalError
        }
        self.issuer = issuer
    }

    /// The agent called `name`.
    ///
    /// - Throws: `notFound`.
    func find(_ name: AgentName) throws(APIError) -> AgentView {
        let agent = try reads.reading { () throws(ProjectionError) in try reads.store.agent(name) }
        guard let agent else { throw .agentNotFound }
        return agent
    }

    /// The canonical text of the credential about an agent.
    ///
    /// - Throws: `notFound`, saying which of both is missing.
    func facts(of name: AgentName) throws(APIError) -> String {
        _ = try find(name)
        let facts = try reads.reading { () throws(ProjectionError) in try reads.store.agentFacts(name) }
        guard let facts else { throw APIError(.notFound, "This agent has no facts yet. PUT them first.") }
        return facts
    }

    /// - Returns: whether it is new.
    func register(
        _ name: AgentName, _ profile: AgentProfile, as actor: Actor, trace: String, idempotency: Idempotency?
    ) async throws(APIError) -> Bool {
        var generator = SystemRandomNumberGenerator()
        let command = RegisterAgent(agentID: AgentID(using: &generator), name: name, profile: profile)
        let outcome = try await ledger.perform(
            .registerAgent(command), as: actor, trace: trace, idempotency: idempotency)
        return outcome.events.first?.event.type == AgentRegistered.type
    }

    func perform(_ command: Command, as actor: Actor, trace: String) async throws(APIError) {
        _ = try await ledger.perform(command, as: actor, trace: trace)
    }

    /// Publishes a credential, or one that this node makes of bare subject members.
    ///
    /// - Returns: the credential.
    func publish(
        _ document: JSONObject, about name: AgentName, as actor: Actor, trace: String
    ) async throws(APIError) -> JSONObject {
        let facts: AgentFacts
        do throws(CredentialError) {
            let isCredential = ["credentialSubject", "proof", "@context"].contains { document[$0] != nil }
            facts = isCredential ? try AgentFacts(document, about: name) : try issue(document, about: name)
        } catch {
            throw APIError(.badRequest, "`\(error.member)`: \(error.message).", field: error.member)
        }
        try await perform(.publishAgentFacts(PublishAgentFacts(name: name, facts: facts)), as: actor, trace: trace)
        return facts.credential
    }

    private func issue(_ subject: JSONObject, about name: AgentName) throws(CredentialError) -> AgentFacts {
        if let id = subject["id"], id.string != name.did {
            throw CredentialError("id", "it must be \(name.did), or be left out")
        }
        return try AgentFacts.issue(subject: subject, about: name, by: issuer, at: ledger.now().secondsText) {
            message throws(CredentialError) in
            do { return Array(try signingKey.signature(for: message)) } catch {
                throw CredentialError("proof", "this node could not sign it")
            }
        }
    }

    /// Agents that fit the question, newest first.
    func search(
        text: String, capabilities: [String], tags: [String], _ page: PageRequest
    ) throws(APIError) -> Page<AgentView> {
        let after = try cursor(page)
        return try reads.reading { () throws(ProjectionError) in
            try reads.store.searchAgents(
                text: text, capabilities: capabilities, tags: tags, after: after, limit: page.limit)
        }
    }

    /// All agents in the order of their names. The cursor may be any name, also of one that is gone.
    func list(_ page: PageRequest) throws(APIError) -> Page<AgentView> {
        let after = try name(page)
        return try reads.reading { () throws(ProjectionError) in
            try reads.store.agents(after: after, limit: page.limit)
        }
    }

    /// What this node measured of the agent called `name`.
    ///
    /// - Throws: `notFound`.
    func measurements(of name: AgentName) throws(APIError) -> AgentMeasurements {
        let found = try reads.reading { () throws(ProjectionError) in try reads.store.measurements(of: name) }
        guard let found else { throw .agentNotFound }
        return found
    }

    /// What this node measured of each agent, in the order of their names.
    func measurements(_ page: PageRequest) throws(APIError) -> Page<AgentMeasurements> {
        let after = try name(page)
        return try reads.reading { () throws(ProjectionError) in
            try reads.store.measurements(after: after, limit: page.limit)
        }
    }

    /// The caller's own agents, newest first.
    func list(of caller: Principal, _ page: PageRequest) throws(APIError) -> Page<AgentView> {
        let after = try cursor(page)
        guard caller.environment == .live else { return .empty }
        return try reads.reading { () throws(ProjectionError) in
            try reads.store.agents(of: caller.customerID, after: after, limit: page.limit)
        }
    }

    func counts() throws(APIError) -> AgentCounts {
        try reads.reading { () throws(ProjectionError) in try reads.store.agentCounts() }
    }

    /// A cursor that may be any name.
    private func name(_ page: PageRequest) throws(APIError) -> AgentName? {
        guard let text = page.startingAfter else { return nil }
        guard let name = AgentName(text) else { throw .unknownCursor }
        return name
    }

    private func cursor(_ page: PageRequest) throws(APIError) -> AgentName? {
        guard let text = page.startingAfter else { return nil }
        guard let name = AgentName(text),
            try reads.reading({ () throws(ProjectionError) in try reads.store.agent(name) }) != nil
        else { throw .unknownCursor }
        return name
    }
}

extension APIError {
    static let agentNotFound = APIError(.notFound, "Agent not found. Check the id, or register it first.")
}
