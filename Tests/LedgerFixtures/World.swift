public import Proofs
public import CanonicalJSON
public import EventStore
public import Ledger
import Merkle

/// A ledger with a clock and a seeded source of ids, so that a test reads as a story.
public struct World {
    public var state = State()
    /// Every event so far.
    public var log: [Envelope] = []
    /// What each of them says, as it was decided.
    public var decided: [LedgerEvent] = []
    public var generator: SeededGenerator
    public var now = World.start

    public static let start = time("2026-03-01T14:00:00Z")
    /// `base64:` and the SPKI of docs/cdp.md's golden document.
    public static let publicKey = "base64:MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    public static let signature =
        "base64:Zo+0iEWNjq9XtJKghDwbOdyJufuEBaw/KO1W4MUmloYMviFnwD9jUBNjIGWRaBeM4tfw46jR/vfdnlUAzK6ACw=="

    public init(seed: UInt64 = 1) {
        generator = SeededGenerator(seed: seed)
        let created = LogCreated(format: 1, origin: "localhost/nrx-ledger/00000000", verifierKey: "none")
        let draft = EventDraft(
            id: EventID(using: &generator).text, at: now, actor: "system", stream: "log", trace: "req_0",
            type: LogCreated.type, version: LogCreated.version, data: created.data)
        let envelope = Envelope(sequence: 0, event: draft)
        do { try state.apply(envelope) } catch { preconditionFailure("\(error)") }
        log.append(envelope)
        decided.append(.logCreated(created))
    }

    public static func time(_ text: String) -> Timestamp {
        guard let time = Timestamp(text) else { preconditionFailure("not a time: \(text)") }
        return time
    }

    public func context(_ actor: Actor) -> DecisionContext { DecisionContext(at: now, actor: actor, trace: "req_1") }

    /// Runs `command`, keeps its events and returns them.
    @discardableResult
    public mutating func run(_ command: Command, as actor: Actor = .system) throws(Refusal) -> [LedgerEvent] {
        let envelopes = try apply(try state.decision(on: command, nil, in: context(actor), using: &generator))
        return envelopes.map { envelope in
            do { return try LedgerEvent(envelope.event) } catch { preconditionFailure("\(error)") }
        }
    }

    /// Runs `command` together with what it means for its request's idempotency key.
    public mutating func run(_ command: Command, _ idempotency: Idempotency, as actor: Actor) throws(Refusal) {
        _ = try apply(try state.decision(on: command, idempotency, in: context(actor), using: &generator))
    }

    private mutating func apply(_ decision: Decision) throws(Refusal) -> [Envelope] {
        let envelopes: [Envelope]
        do { envelopes = try state.apply(decision) } catch { preconditionFailure("\(error)") }
        log += envelopes
        decided += decision.events
        return envelopes
    }

    /// Why `command` is refused, or nil.
    public mutating func refusal(_ command: Command, as actor: Actor = .system) -> Refusal? {
        do {
            _ = try state.decide(command, in: context(actor), using: &generator)
            return nil
        } catch { return error }
    }

    public mutating func newKey(
        _ prefix: KeyPrefix = .nanorixLive, permissions: Permissions = .full, expiresAt: Timestamp? = nil
    ) -> NewKey {
        let secret = Hash(of: EventID(using: &generator).text.utf8.map { $0 })
        return NewKey(
            id: KeyID(using: &generator), name: "default", prefix: prefix, display: prefix.rawValue + "a1b2",
            secretSHA256: secret, permissions: permissions, expiresAt: expiresAt)
    }

    public mutating func signUp(
        tier: Tier = .free, jurisdiction: Jurisdiction = .unitedStates, prefix: KeyPrefix = .nanorixLive
    ) throws(Refusal) -> (customer: CustomerID, key: KeyID) {
        let customer = CustomerID(using: &generator)
        let key = newKey(prefix)
        try run(
            .signUp(
                SignUp(
                    customerID: customer, eventID: EventID(using: &generator), sealedEmail: "c2VhbGVk",
                    jurisdiction: jurisdiction,
                    tier: tier, key: key)))
        return (customer, key.id)
    }

    public mutating func createSession(_ key: KeyID, timeToLiveSeconds: Int64? = nil) throws(Refusal) -> SessionID {
        let id = SessionID(using: &generator)
        try run(
            .createSession(CreateSession(sessionID: id, region: "eu", timeToLiveSeconds: timeToLiveSeconds)),
            as: .key(key))
        return id
    }

    public mutating func beginExec(_ session: SessionID, _ actor: Actor = .system) throws(Refusal) -> ExecID {
        let id = ExecID(using: &generator)
        try run(.beginExec(Self.beginExec(session, id)), as: actor)
        return id
    }

    public static func beginExec(_ session: SessionID, _ exec: ExecID) -> BeginExec {
        BeginExec(sessionID: session, execID: exec, inputBytes: 5, receiptSHA256: Hash(of: [1]))
    }

    public static func result(_ exec: ExecID, outcome: SessionExecuted.Outcome = .exited(code: 0)) -> SessionExecuted {
        SessionExecuted(
            cpuMicroseconds: 900, execID: exec, outcome: outcome, outOfMemory: false, peakMemoryBytes: 1 << 20,
            stderrBytes: 0, stdoutBytes: 3, timedOut: false, truncated: false, wallMicroseconds: 1_000)
    }

    /// Publishes the verification key and ends the session with a document that says what its events say.
    public mutating func end(_ session: SessionID, trigger: DestructionTrigger = .api) throws(Refusal) {
        try run(
            .publishVerificationKey(
                PublishVerificationKey(sessionID: session, destroyedAt: now, publicKey: Self.publicKey)))
        try run(.endSession(EndSession(sessionID: session, proof: document(of: session, trigger: trigger))))
    }

    /// A document with the members that the ledger compares; its chain and signature are for the tests of `Proofs`.
    public func document(of id: SessionID, trigger: DestructionTrigger = .api) -> JSONObject {
        guard let session = state.liveSession(id) else { preconditionFailure("the session has ended") }
        let keyID = session.verificationKey?.id ?? VerificationKeyID(session: id, destroyedAt: now)
        let destroyedAt = JSONValue.string(keyID.destroyedAt.secondsText)
        let createdAt = JSONValue.string(session.createdAt.secondsText)
        let finalHash = JSONValue.string("sha256:" + Hash(of: Array(id.text.utf8)).hex)
        let lifecycle: JSONValue = .object(
            Self.object([
                "created_at": createdAt, "customer_id": .string(session.customerID.text), "destroyed_at": destroyedAt,
                "exec_count": .integer(session.execCount), "key_id": .string(keyID.text),
                "session_id": .string(id.text), "trigger": .string(trigger.rawValue),
            ]))
        let evidence = (1...8).map { step in
            JSONValue.object(
                Self.object(["document": step == 8 ? lifecycle : [:], "step": .integer(Int64(step))]))
        }
        let chain = (1...8).map { step in
            JSONValue.object(
                Self.object([
                    "chain_hash": .string("sha256:" + Hash(of: Array("\(id) chain \(step)".utf8)).hex),
                    "evidence_hash": .string("sha256:" + Hash(of: Array("\(id) evidence \(step)".utf8)).hex),
                    "operation": "destruction", "step": .integer(Int64(step)), "subsystem": .string("part_\(step)"),
                ]))
        }
        return Self.object([
            "attestation": .object(
                Self.object([
                    "algorithm": "Ed25519", "key_id": .string(keyID.text), "public_key": .string(Self.publicKey),
                    "signature": .string(Self.signature),
                ])),
            "cdp_version": "1.0", "chain": .array(chain), "created_at": createdAt, "destroyed_at": destroyedAt,
            "evidence": .array(evidence),
            "final_hash": finalHash,
            "session_context": .object(
                Self.object([
                    "data_classification": .string(session.dataClassification.rawValue),
                    "environment": .string(session.environment.rawValue),
                    "jurisdiction": .string(session.jurisdiction.rawValue), "region": .string(session.region),
                ])),
            "session_id": .string(id.text),
        ])
    }

    public static func object(_ members: [String: JSONValue]) -> JSONObject {
        guard let object = JSONObject(sorting: members.map { .init(name: $0.key, value: $0.value) }) else {
            preconditionFailure("a dictionary has no duplicate keys")
        }
        return object
    }
}
