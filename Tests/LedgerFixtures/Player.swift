import Proofs
import CanonicalJSON
public import EventStore
public import Ledger
public import Merkle

/// Random commands from a seed, sensible and senseless alike, over a small world so that they meet often.
public struct Player {
    public var world: World
    public var customers: [CustomerID] = []
    public var keys: [KeyID] = []
    public var sessions: [SessionID] = []
    public var execs: [ExecID] = []
    /// Every secret that was ever made, whether or not the ledger took it.
    public var secrets: [Hash] = []

    public init(seed: UInt64) { world = World(seed: seed) }

    mutating func chance(_ outOf: Int) -> Bool { Int.random(in: 0..<outOf, using: &world.generator) == 0 }

    mutating func pick<Element>(_ elements: [Element], or make: (inout SeededGenerator) -> Element) -> Element {
        chance(12)
            ? make(&world.generator) : elements.randomElement(using: &world.generator) ?? make(&world.generator)
    }

    mutating func session() -> SessionID { pick(Array(sessions.suffix(6))) { SessionID(using: &$0) } }
    mutating func key() -> KeyID { pick(keys) { KeyID(using: &$0) } }
    mutating func actor() -> Actor { chance(4) ? .system : .key(key()) }

    mutating func prefix() -> KeyPrefix {
        KeyPrefix.allCases.randomElement(using: &world.generator) ?? .nanorixLive
    }

    mutating func command() -> (Command, Actor) {
        if chance(8) { return agentCommand() }
        switch Int.random(in: 0..<21, using: &world.generator) {
        case 20: return accountChange()
        case 0: return signUp()
        case 1: return newKey()
        case 2: return keyChange()
        case 3...6:
            let id = SessionID(using: &world.generator)
            sessions.append(id)
            return (.createSession(CreateSession(sessionID: id, region: "us")), .key(key()))
        case 7...9:
            let id = ExecID(using: &world.generator)
            execs.append(id)
            return (.beginExec(World.beginExec(session(), id)), actor())
        case 10...12:
            let exec = pick(Array(execs.suffix(4))) { ExecID(using: &$0) }
            return (.finishExec(FinishExec(sessionID: session(), result: World.result(exec))), .system)
        case 13...14:
            return (
                .publishVerificationKey(
                    PublishVerificationKey(
                        sessionID: session(), destroyedAt: world.now, publicKey: World.publicKey)), actor()
            )
        case 15...16:
            let id = session()
            let trigger = DestructionTrigger.allCases.randomElement(using: &world.generator) ?? .api
            let known = world.state.liveSession(id) != nil
            let proof = known ? world.document(of: id, trigger: trigger) : JSONObject()
            return (.endSession(EndSession(sessionID: id, proof: proof)), actor())
        case 17: return (.expireUnclean(ExpireUnclean(sessionID: session(), reason: .serverDied)), .system)
        default: return requests()
        }
    }

    /// A command about one of a few agents, by whoever.
    mutating func agentCommand() -> (Command, Actor) {
        guard let name = AgentName("agent-\(Int.random(in: 0..<6, using: &world.generator))") else {
            preconditionFailure("this is a name")
        }
        switch Int.random(in: 0..<7, using: &world.generator) {
        case 0: return (.deleteAgent(name), actor())
        case 6: return probes(of: name)
        case 1...2:
            return (.changeAgentStatus(ChangeAgentStatus(name: name, isAlive: chance(2), assignedTo: "c")), actor())
        default:
            let profile = AgentProfile(url: "https://a.example", tags: chance(2) ? ["a"] : ["a", "b"])
            let command = RegisterAgent(agentID: AgentID(using: &world.generator), name: name, profile: profile)
            return (.registerAgent(command), actor())
        }
    }

    /// What was measured of an agent, seldom more than once an hour.
    mutating func probes(of name: AgentName) -> (Command, Actor) {
        let id = world.state.agent(name)?.id ?? AgentID(using: &world.generator)
        let isReachable = chance(2)
        let probes = AgentProbed(
            answered: isReachable ? 2 : 0, latencyMicroseconds: isReachable ? 900 : 0, probes: 3,
            isReachable: isReachable, since: world.now, status: isReachable ? 200 : nil,
            succeeded: isReachable ? 1 : 0)
        return (.recordAgentProbes(RecordAgentProbes(agentID: id, probes: probes)), chance(9) ? actor() : .system)
    }

    mutating func signUp() -> (Command, Actor) {
        let id = CustomerID(using: &world.generator)
        customers.append(id)
        let key = world.newKey(prefix())
        keys.append(key.id)
        secrets.append(key.secretSHA256)
        let tier = Tier.allCases.randomElement(using: &world.generator) ?? .free
        return (
            .signUp(
                SignUp(
                    customerID: id, eventID: EventID(using: &world.generator), sealedEmail: "c2VhbGVk", tier: tier,
                    key: key)), .system
        )
    }

    /// A command about the account itself or its subscription; seldom its end.
    mutating func accountChange() -> (Command, Actor) {
        let customer = pick(customers) { CustomerID(using: &$0) }
        switch Int.random(in: 0..<8, using: &world.generator) {
        case 0 where chance(3): return (.eraseCustomer(customer), chance(2) ? .operator : actor())
        case 0...1:
            let eventID = EventID(using: &world.generator)
            let jurisdiction = Jurisdiction.allCases.randomElement(using: &world.generator) ?? .other
            return (
                .changeCustomer(ChangeCustomer(customerID: customer, eventID: eventID, jurisdiction: jurisdiction)),
                chance(2) ? .operator : actor()
            )
        case 2: return (.startCheckout(StartCheckout(customerID: customer, tier: .starter)), actor())
        case 3: return (.endGrace(customer), .system)
        default:
            let news: [RecordSubscription.News] = [.paid, .paid, .paymentFailed, .endedUnpaid, .cancelled]
            let event = UInt8.random(in: 0...UInt8.max, using: &world.generator)
            let name = UInt8.random(in: 0..<20, using: &world.generator)
            return (
                .recordSubscription(
                    RecordSubscription(
                        customerID: customer, eventSHA256: Hash(of: [event]),
                        eventCreated: world.now.microseconds / 1_000_000, subscriptionSHA256: Hash(of: [name, 1]),
                        sealedSubscription: "c2VhbGVk", news: news.randomElement(using: &world.generator) ?? .paid,
                        tier: chance(2) ? .starter : nil)), .system
            )
        }
    }

    mutating func newKey() -> (Command, Actor) {
        if customers.count < 3 { return signUp() }
        let expiry = chance(3) ? world.now.adding(seconds: Int64.random(in: 0..<40, using: &world.generator)) : nil
        // Mostly of the prefix whose plan allows few.
        var key = world.newKey(chance(2) ? .nanda : prefix(), expiresAt: expiry)
        if chance(4) { key.allowedAddresses = ranges() }
        if chance(3) { key.monthlyLimit = Int64.random(in: 1...400, using: &world.generator) }
        keys.append(key.id)
        secrets.append(key.secretSHA256)
        return (.issueKey(IssueKey(customerID: pick(customers) { CustomerID(using: &$0) }, key: key)), actor())
    }

    mutating func requests() -> (Command, Actor) {
        guard chance(3) else {
            let requests = Int64.random(in: 0..<300, using: &world.generator)
            let unused = chance(3) ? Int64.random(in: 0..<50, using: &world.generator) : 0
            return (.reserveRequests(ReserveRequests(keyID: key(), requests: requests, unused: unused)), .system)
        }
        let requests = Int64.random(in: 0..<200, using: &world.generator)
        return (.returnRequests(ReturnRequests(keyID: key(), requests: requests)), .system)
    }

    /// A command about one key; seldom its end, so that most live through several changes.
    mutating func keyChange() -> (Command, Actor) {
        switch Int.random(in: 0..<8, using: &world.generator) {
        case 0: return (.revokeKey(RevokeKey(keyID: key())), actor())
        case 1...3:
            let new = world.newKey(prefix())
            secrets.append(new.secretSHA256)
            let id = key()
            let display = world.state.key(id).map { $0.prefix.rawValue + "zzzz" } ?? new.display
            let grace: Int64 = chance(2) ? 0 : Int64.random(in: 1..<100, using: &world.generator)
            return (
                .rotateKey(
                    RotateKey(keyID: id, display: display, secretSHA256: new.secretSHA256, graceSeconds: grace)),
                actor()
            )
        case 4: return (.changeKey(ChangeKey(keyID: key(), name: "renamed")), actor())
        case 5: return (.changeKey(ChangeKey(keyID: key(), allowedAddresses: ranges())), actor())
        case 6:
            let limit = Int64.random(in: 1...400, using: &world.generator)
            return (
                .changeKey(
                    ChangeKey(keyID: key(), monthlyLimit: chance(3) ? KeyChanged.MonthlyLimit.none : .requests(limit))),
                actor()
            )
        default:
            let reason = KeyRefusal.allCases.randomElement(using: &world.generator) ?? .revoked
            return (.recordKeyRefusal(RecordKeyRefusal(keyID: key(), reason: reason)), .system)
        }
    }

    /// Some ranges, one within another, or none.
    mutating func ranges() -> [AddressRange] {
        let texts = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"]
        return texts.shuffled(using: &world.generator).prefix(Int.random(in: 0...2, using: &world.generator)).map {
            text in
            do { return try AddressRange(text) } catch { preconditionFailure("\(text): \(error)") }
        }
    }

    /// A step about keys and their requests alone.
    public mutating func keyStep() throws(Refusal) {
        let seconds: Int64 = chance(60) ? 86_400 * 9 : Int64.random(in: 0...2, using: &world.generator)
        world.now = world.now.adding(seconds: seconds)
        let (command, actor): (Command, Actor)
        switch Int.random(in: 0..<10, using: &world.generator) {
        case 0...1: (command, actor) = newKey()
        case 2...6: (command, actor) = keyChange()
        default: (command, actor) = requests()
        }
        try world.run(command, as: actor)
    }

    public mutating func step() throws(Refusal) {
        // Mostly forwards, sometimes a day or a month, sometimes back a little: clocks do that.
        let seconds: Int64 = chance(40) ? 86_400 * 9 : chance(10) ? -3 : 1
        world.now = world.now.adding(seconds: seconds)
        let (command, actor) = command()
        if let idempotency = idempotency() {
            try world.run(command, idempotency, as: actor)
        } else {
            try world.run(command, as: actor)
        }
    }

    private mutating func idempotency() -> Idempotency? {
        guard chance(6) else { return nil }
        let key = Hash(of: [UInt8.random(in: 0..<40, using: &world.generator)])
        if chance(5) { return .release(key) }
        return .record(RecordRequest(keySHA256: key, requestSHA256: Hash(of: [1])) { _ in "c2VhbGVk" })
    }
}

extension Player {
    /// The log of `steps` random steps.
    public static func log(seed: UInt64, steps: Int) -> [Envelope] {
        var player = Player(seed: seed)
        for _ in 0..<steps { try? player.step() }
        return player.world.log
    }
}
