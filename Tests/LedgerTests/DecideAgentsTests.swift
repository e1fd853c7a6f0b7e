import CanonicalJSON
import Crypto
import EventStore
import Ledger
import LedgerFixtures
import Proofs
import Testing

@Suite("Agents: decisions")
struct DecideAgentsTests {
    private static let name = AgentName("my-agent")
    private static let profile = AgentProfile(url: "https://my-agent.example.com", capabilities: ["chat"], tags: ["a"])

    private func register(
        _ text: String, _ world: inout World, _ profile: AgentProfile = profile
    ) throws -> Command {
        .registerAgent(
            RegisterAgent(
                agentID: AgentID(using: &world.generator), name: try #require(AgentName(text)), profile: profile))
    }

    private func facts(about name: AgentName) throws -> AgentFacts {
        let key = Curve25519.Signing.PrivateKey()
        let issuer = try #require(DIDKey(publicKey: Array(key.publicKey.rawRepresentation)))
        var subject = JSONObject()
        subject["score"] = .double(0.5)
        return try AgentFacts.issue(subject: subject, about: name, by: issuer, at: "2026-03-01T14:00:00Z") {
            message throws(CredentialError) in
            do { return Array(try key.signature(for: message)) } catch { throw CredentialError("proof", "\(error)") }
        }
    }

    @Test("the key that registers an agent makes its customer the owner; nobody else changes it")
    func ownership() throws {
        var world = World()
        let (owner, key) = try world.signUp()
        let (_, stranger) = try world.signUp()
        let name = try #require(Self.name)
        let events = try world.run(try register("my-agent", &world), as: .key(key))
        #expect(events == [.agentRegistered(AgentRegistered(name: name, customerID: owner, profile: Self.profile))])
        let foreign: [Command] = [
            try register("my-agent", &world), .deleteAgent(name),
            .changeAgentStatus(ChangeAgentStatus(name: name, isAlive: false)),
            .publishAgentFacts(PublishAgentFacts(name: name, facts: try facts(about: name))),
        ]
        for command in foreign {
            #expect(world.refusal(command, as: .key(stranger))?.code == .forbidden)
            #expect(world.refusal(command, as: .system)?.code == .forbidden, "without a key nobody owns anything")
            #expect(world.refusal(command, as: .key(key)) == nil)
        }
    }

    @Test("what was registered without a key anybody may change, until somebody registers it with one")
    func ownerless() throws {
        var world = World()
        let (owner, key) = try world.signUp()
        let (_, stranger) = try world.signUp()
        let name = try #require(Self.name)
        try world.run(try register("my-agent", &world), as: .system)
        #expect(world.state.agent(name)?.customerID == nil)
        try world.run(.changeAgentStatus(ChangeAgentStatus(name: name, isAlive: false)), as: .key(stranger))
        #expect(world.state.agent(name)?.isAlive == false)
        try world.run(try register("my-agent", &world), as: .system)
        try world.run(try register("my-agent", &world), as: .key(key))
        #expect(world.state.agent(name)?.customerID == owner)
        #expect(world.refusal(try register("my-agent", &world), as: .system)?.code == .forbidden)
        #expect(world.refusal(.deleteAgent(name), as: .key(stranger))?.code == .forbidden)
    }

    @Test("a deleted agent is gone for everything, and its name is free for anybody")
    func deletion() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let (other, second) = try world.signUp()
        let name = try #require(Self.name)
        try world.run(try register("my-agent", &world), as: .key(key))
        try world.run(.deleteAgent(name), as: .key(key))
        #expect(world.refusal(.deleteAgent(name), as: .key(key))?.code == .notFound)
        try world.run(try register("my-agent", &world), as: .key(second))
        #expect(world.state.agent(name)?.customerID == other)
    }

    @Test("the registry is public: test keys write nothing into it")
    func testKeys() throws {
        var world = World()
        let (customer, key) = try world.signUp()
        let test = world.newKey(.nanorixTest)
        try world.run(.issueKey(IssueKey(customerID: customer, key: test)), as: .key(key))
        #expect(world.refusal(try register("my-agent", &world), as: .key(test.id))?.code == .forbidden)
    }

    @Test("a name can stand in a path and in a DID as it is")
    func names() {
        for text in ["a", "my-agent", "a.b_c~d:e@f", String(repeating: "a", count: 128)] {
            #expect(AgentName(text)?.text == text)
        }
        for text in ["", ".", "..", "a b", "a/b", "ä", "a%20b", "a\u{0}", String(repeating: "a", count: 129), "a?b"] {
            #expect(AgentName(text) == nil, "\(text)")
        }
    }

    @Test("addresses and labels are checked, and the refusal names the member")
    func profiles() throws {
        var world = World()
        let (_, key) = try world.signUp()
        func field(_ change: (inout AgentProfile) -> Void) throws -> String? {
            var profile = Self.profile
            change(&profile)
            return world.refusal(try register("my-agent", &world, profile), as: .key(key))?.field
        }
        for url in ["", "my-agent", "ftp://a", "https://", "https:///x", "https://a@b", "https://a b", "http://:80"] {
            #expect(try field { $0.url = url } == "agent_url", "\(url)")
        }
        #expect(try field { $0.url = "https://a/" + String(repeating: "a", count: 2_048) } == "agent_url")
        #expect(try field { $0.apiURL = "x" } == "api_url")
        #expect(try field { $0.factsURL = "x" } == "facts_url")
        #expect(try field { $0.capabilities = ["chat", ""] } == "capabilities[1]")
        #expect(try field { $0.tags = ["a\n"] } == "tags[0]")
        #expect(try field { $0.tags = ["a", "a"] } == "tags")
        #expect(try field { $0.tags = (0...64).map(String.init) } == "tags")
        #expect(try field { $0.version = String(repeating: "1", count: 65) } == "version")
        #expect(try field { $0.url = "http://127.0.0.1:8080/agent?x=1#y" } == nil)
    }

    @Test("a status changes what it says and leaves the rest; nothing at all is refused")
    func status() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let name = try #require(Self.name)
        try world.run(try register("my-agent", &world), as: .key(key))
        try world.run(.changeAgentStatus(ChangeAgentStatus(name: name, assignedTo: "client-7")), as: .key(key))
        try world.run(.changeAgentStatus(ChangeAgentStatus(name: name, isAlive: false)), as: .key(key))
        #expect(world.state.agent(name)?.assignedTo == "client-7")
        #expect(world.state.agent(name)?.isAlive == false)
        try world.run(.changeAgentStatus(ChangeAgentStatus(name: name, assignedTo: "")), as: .key(key))
        #expect(world.state.agent(name)?.assignedTo == nil)
        #expect(world.refusal(.changeAgentStatus(ChangeAgentStatus(name: name)), as: .key(key))?.code == .badRequest)
    }

    @Test("the log takes no credential whose signature does not hold, or that is about another agent")
    func forgedFacts() throws {
        var world = World()
        let (_, key) = try world.signUp()
        let name = try #require(Self.name)
        try world.run(try register("my-agent", &world), as: .key(key))
        let facts = try facts(about: name)
        let other = try self.facts(about: try #require(AgentName("other")))
        #expect(
            world.refusal(.publishAgentFacts(PublishAgentFacts(name: name, facts: other)), as: .key(key))?.code
                == .badRequest)
        try world.run(.publishAgentFacts(PublishAgentFacts(name: name, facts: facts)), as: .key(key))
        // What an attacker who can write to the log would try: the auditor checks the signature again.
        let envelope = try #require(world.log.last)
        let credential = try #require(envelope.event.data["credential"]?.string)
        for (old, new) in [("0.5", "0.9"), ("my-agent", "my-agenx"), (",\"type\"", ", \"type\"")] {
            let event = envelope.event
            let forged = EventDraft(
                id: event.id, at: event.at, actor: event.actor, stream: event.stream, trace: event.trace,
                type: event.type, version: event.version,
                data: AgentFactsChanged(credential: credential.replacing(old, with: new)).data)
            var before = State()
            for earlier in world.log.dropLast() { try before.apply(earlier) }
            #expect(throws: ReplayError.self, "\(old)") {
                try before.apply(Envelope(sequence: envelope.sequence, event: forged))
            }
        }
    }

    @Test("what somebody else signed in its issuer's name is no credential, though the signature itself holds")
    func signedByAnother() throws {
        let name = try #require(Self.name)
        let key = Curve25519.Signing.PrivateKey()
        let signer = try #require(DIDKey(publicKey: Array(key.publicKey.rawRepresentation)))
        let forged = try DataIntegrityProof.sign(
            try facts(about: name).credential, by: signer, created: "2026-03-01T14:00:00Z"
        ) { message throws(CredentialError) in
            do { return Array(try key.signature(for: message)) } catch { throw CredentialError("proof", "\(error)") }
        }
        #expect(try DataIntegrityProof.verify(forged).text == signer.text)
        let error = #expect(throws: CredentialError.self) { try AgentFacts(forged, about: name) }
        #expect(error?.member == "issuer")
    }

    @Test("a key can be held to a lower plan's number, never raised above the customer's")
    func tierOfAKey() throws {
        var world = World()
        let (customer, key) = try world.signUp(tier: .starter)
        func limit(_ tier: Tier?, own: Int64? = nil) throws -> Int64? {
            var new = world.newKey(.nanda)
            new.monthlyLimit = own
            try world.run(.issueKey(IssueKey(customerID: customer, key: new, tier: tier)), as: .key(key))
            return world.state.key(new.id)?.monthlyLimit
        }
        #expect(try limit(.free) == 1_000)
        #expect(try limit(.free, own: 5_000) == 1_000)
        #expect(try limit(.free, own: 10) == 10)
        #expect(try limit(.starter) == nil, "the customer's own plan, whatever it becomes")
        #expect(try limit(nil) == nil)
        for tier in [Tier.business, .enterprise] {
            let command = IssueKey(customerID: customer, key: world.newKey(.nanda), tier: tier)
            let refusal = world.refusal(.issueKey(command), as: .key(key))
            #expect(refusal?.code == .forbidden && refusal?.field == "tier")
        }
    }
}
