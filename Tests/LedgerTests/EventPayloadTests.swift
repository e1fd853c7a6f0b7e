import Proofs
import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Testing

@Suite struct EventPayloadTests {
    private static let customer = CustomerID(high: 0x8a3f, low: 1)
    private static let key = KeyID(high: 2, low: 3)
    private static let agent: AgentName = {
        guard let name = AgentName("my-agent") else { preconditionFailure("this is a name") }
        return name
    }()
    private static let exec = ExecID(high: 4, low: 5)
    private static let member = MemberID(high: 7, low: 8)
    private static let verificationKey = VerificationKeyID(
        session: SessionID(high: 0xa8f3_e71c << 32, low: 7), destroyedAt: World.start)

    private static let ranges = ["10.0.0.0/8", "2001:db8::/32"].compactMap { try? AddressRange($0) }
    private static func rotation(byRecoveryKey: Bool = false, naming: Bool = false) -> LogKeyRotation {
        let keys = [UInt8(1), 2].compactMap { VerifierKey(name: "name", publicKey: [UInt8](repeating: $0, count: 32)) }
        let signature = JSONValue.string(String(repeating: "A", count: 86) + "==")
        var data: [(String, JSONValue)] = [
            ("last_size", 7), ("new_signature", signature), ("new_verifier_key", .string(keys[1].description)),
            ("old_verifier_key", .string(keys[0].description)),
        ]
        data +=
            byRecoveryKey
            ? [("endorser_key", .string(keys[0].description)), ("endorser_signature", signature)]
            : [("old_signature", signature)]
        if naming { data += [("recovery_key", .string(keys[0].description)), ("recovery_signature", signature)] }
        var object = JSONObject()
        for (name, value) in data { object[name] = value }
        guard let rotation = LogKeyRotation(data: object) else { preconditionFailure("the sample cannot be read") }
        return rotation
    }

    /// One of every kind, with and without the optional members.
    private static let all: [any EventPayload] = [
        LogCreated(format: 1, origin: "localhost/nrx-ledger/0a0b0c0d", verifierKey: "name+00+AQ=="),
        LogCreated(
            format: 1, origin: "localhost/nrx-ledger/0a0b0c0d", verifierKey: "name+00+AQ==",
            recovery: .init(key: "offline+00+AQ==", signature: "AA==")),
        LogKeyRotated(rotation: rotation()), LogKeyRotated(rotation: rotation(naming: true)),
        LogKeyRecovered(rotation: rotation(byRecoveryKey: true)),
        LogKeyRecovered(rotation: rotation(byRecoveryKey: true, naming: true)),
        CustomerCreated(jurisdiction: .europeanUnion, sealedEmail: "c2VhbGVk", tier: .free),
        KeyIssued(
            customerID: customer, display: "nrx_test_a1b2", environment: .test, expiresAt: World.start, keyID: key,
            name: "ci \u{e9}", permissions: .read, prefix: .nanorixTest, secretSHA256: Hash(of: [1])),
        KeyIssued(
            customerID: customer, display: "nxr_a1b2", environment: .live, expiresAt: nil, keyID: key, name: "x",
            permissions: [], prefix: .nexora, secretSHA256: Hash(of: [2])),
        KeyIssued(
            customerID: customer, display: "nrx_live_a1b2", environment: .live, expiresAt: nil, keyID: key, name: "x",
            permissions: .full, prefix: .nanorixLive, secretSHA256: Hash(of: [2]), allowedAddresses: ranges,
            monthlyLimit: 7),
        KeyRevoked(keyID: key),
        KeyRotated(display: "nxr_a1b2", keyID: key, previousEndsAt: World.start, secretSHA256: Hash(of: [3])),
        KeyRotated(display: "nxr_a1b2", keyID: key, previousEndsAt: nil, secretSHA256: Hash(of: [3])),
        KeyChanged(keyID: key, name: "x"),
        KeyChanged(keyID: key, allowedAddresses: [], monthlyLimit: KeyChanged.MonthlyLimit.none),
        KeyChanged(keyID: key, name: "y", allowedAddresses: ranges, monthlyLimit: .requests(1)),
        KeyRefused(keyID: key, reason: .wrongAddress),
        SessionCreated(
            customerID: customer, dataClassification: .healthInformation, environment: .live, jurisdiction: .other,
            creator: .key(key), layersMissing: ["cgroup"], region: "eu", timeToLiveSeconds: 300),
        SessionCreated(
            customerID: customer, dataClassification: .general, environment: .test, jurisdiction: .unitedStates,
            creator: .member(MemberID(high: 7, low: 8)), layersMissing: [], region: "us", timeToLiveSeconds: nil),
        SessionExecuting(execID: exec, inputBytes: 0, receiptSHA256: Hash(of: [3])),
        World.result(exec, outcome: .exited(code: 255)),
        World.result(exec, outcome: .signalled(number: 9)),
        SessionTerminalOpened(terminalID: TerminalID(high: 1, low: 2)),
        SessionTerminalClosed(
            exitCode: 255, inputBytes: 0, outputBytes: 7, terminalID: TerminalID(high: 1, low: 2), wallMicroseconds: 9),
        SessionTerminalClosed(
            exitCode: nil, inputBytes: nil, outputBytes: nil, terminalID: TerminalID(high: 1, low: 2),
            wallMicroseconds: 0),
        BackupStarted(customerID: customer, environment: .live),
        BackupEnded(outcome: .completed(BackupContents(bytes: 1, events: 2, root: Hash(of: [4])))),
        BackupEnded(outcome: .failed(.diskFull)), BackupDeleted(),
        BackupRestoreStarted(restoreID: RestoreID(high: 1, low: 3)),
        BackupRestoreEnded(
            outcome: .completed(BackupContents(bytes: 1, events: 2, root: Hash(of: [4]))),
            restoreID: RestoreID(high: 1, low: 3)),
        BackupRestoreEnded(outcome: .failed(.interrupted), restoreID: RestoreID(high: 1, low: 3)),
        SessionDestroyed(destroyedAt: World.start, trigger: .outOfMemory),
        SessionExpired(destroyedAt: World.start),
        SessionExpiredUnclean(
            failedStep: 3, known: World.object(["processes_after": 1, "present_after": true]), reason: .serverDied),
        SessionExpiredUnclean(failedStep: nil, known: JSONObject(), reason: .proofFailed),
        CustomerPlanChanged(tier: .business), CustomerErased(), CheckoutStarted(tier: .starter),
        CustomerChanged(jurisdiction: .canada), CustomerChanged(organisation: .sealed("c2VhbGVk")),
        CustomerChanged(jurisdiction: .india, organisation: CustomerChanged.Organisation.none),
        GraceEnded(subscriptionSHA256: Hash(of: [5])),
        SubscriptionChanged(
            eventCreated: 1_772_373_600, eventSHA256: Hash(of: [6]), graceEndsAt: World.start,
            sealedSubscription: "c2VhbGVk", status: .pastDue, subscriptionSHA256: Hash(of: [5]), tier: .business),
        SubscriptionChanged(
            eventCreated: 0, eventSHA256: Hash(of: [7]), graceEndsAt: nil, sealedSubscription: "c2VhbGVk",
            status: .active, subscriptionSHA256: Hash(of: [5]), tier: .starter),
        MemberAdded(
            invitationID: InvitationID(high: 1, low: 2), memberID: member, role: .admin, sealedEmail: "c2VhbGVk",
            sealedName: "c2VhbGVk", sealedVerifier: "c2VhbGVk"),
        MemberAdded(
            invitationID: nil, memberID: member, role: .owner, sealedEmail: "c2VhbGVk", sealedName: nil,
            sealedVerifier: "c2VhbGVk"),
        MemberRoleChanged(memberID: member, role: .auditor), MemberRemoved(memberID: member),
        MemberPasswordChanged(cause: .reset, memberID: member, sealedVerifier: "c2VhbGVk"),
        PasswordResetIssued(expiresAt: World.start, memberID: member, tokenSHA256: Hash(of: [3])),
        InvitationCreated(
            expiresAt: World.start, invitationID: InvitationID(high: 1, low: 2), role: .developer,
            sealedEmail: "c2VhbGVk", tokenSHA256: Hash(of: [4])),
        AgentRegistered(
            name: agent, customerID: customer,
            profile: AgentProfile(
                url: "https://a.example", apiURL: "https://b.example", factsURL: "https://c.example",
                capabilities: ["chat"], tags: ["a", "b"], version: "1")),
        AgentRegistered(name: agent, customerID: nil, profile: AgentProfile(url: "https://a.example")),
        AgentChanged(customerID: customer, profile: AgentProfile(url: "https://a.example", tags: ["a"])),
        AgentStatusChanged(isAlive: false, assignedTo: nil),
        AgentStatusChanged(isAlive: true, assignedTo: "client-7"), AgentFactsChanged(credential: "{}"),
        AgentDeleted(),
        AgentProbed(
            answered: 11, latencyMicroseconds: 480_000, probes: 12, isReachable: true, since: World.start, status: 404,
            succeeded: 10),
        AgentProbed(
            answered: 0, latencyMicroseconds: 0, probes: 1, isReachable: false, since: World.start, status: nil,
            succeeded: 0),
        InvitationRevoked(invitationID: InvitationID(high: 1, low: 2)),
        SignInStarted(expiresAt: World.start, memberID: member, signInID: SignInID(high: 3, low: 4)),
        SignInRefreshed(expiresAt: World.start, generation: 1, signInID: SignInID(high: 3, low: 4)),
        SignInEnded(cause: .refreshTokenReused, signInID: SignInID(high: 3, low: 4)),
        VerificationKeyPublished(keyID: verificationKey, publicKey: World.publicKey),
        ProofIssued(
            document: World.object(["cdp_version": "1.0"]), finalHash: "sha256:" + Hash(of: [4]).hex,
            keyID: verificationKey, publicKey: World.publicKey, signature: World.signature, trigger: .api),
        UsageTick(change: .reserved(100), customerID: customer, day: "2026-03-01", keyID: key),
        UsageTick(change: .returned(3), customerID: customer, day: "2026-02-28", keyID: key),
    ]

    private func draft(_ type: String, _ data: JSONObject, version: Int = 1) -> EventDraft {
        EventDraft(
            id: "evt_00000000000000000000000000000001", at: World.start, actor: "system", stream: "s", trace: "t",
            type: type, version: version, data: data)
    }

    @Test("What an event type writes is what it reads, through the bytes of the log", arguments: all.indices)
    func roundTrip(index: Int) throws {
        let payload = Self.all[index]
        let type = type(of: payload).type
        let line = draft(type, payload.data).line(at: 7)
        let envelope = try line.withUnsafeBufferPointer { try Envelope(line: $0) }
        let event = try LedgerEvent(envelope.event)
        #expect(event.form.content.data == payload.data)
        #expect(event.form.type == type)
        #expect(event.payload != nil)
    }

    @Test("What is written at once is, byte for byte, what a tree of values would be", arguments: all.indices)
    func writesWithoutTree(index: Int) {
        let payload = Self.all[index]
        let ofValues = draft(type(of: payload).type, payload.data)
        let atOnce = EventDraft(
            id: ofValues.id, at: ofValues.at, actor: ofValues.actor, stream: ofValues.stream, trace: ofValues.trace,
            type: ofValues.type, version: ofValues.version, content: payload)
        #expect(atOnce.line(at: 7) == ofValues.line(at: 7))
        #expect(atOnce == ofValues)
        // Each member left out in turn, as tables leave out what is sealed; and all that tables leave out.
        let hidden: [StaticString] = [
            "sealed_email", "cdp", "secret_sha256", "adress", "key_id", "display", "at", "trigger", "tier",
        ]
        for name in hidden {
            var rest = payload.data
            rest[name.description] = nil
            var shown: [UInt8] = []
            atOnce.writeData(hiding: [name], to: &shown)
            #expect(shown == JSONValue.object(rest).canonicalBytes)
        }
        var (shown, other): ([UInt8], [UInt8]) = ([], [])
        atOnce.writeData(hiding: hidden, to: &shown)
        ofValues.writeData(hiding: hidden, to: &other)
        #expect(shown == other)
    }

    @Test("A member that a type does not have is refused, so nothing unforeseen rides along", arguments: all.indices)
    func unknownMember(index: Int) {
        let payload = Self.all[index]
        var data = payload.data
        data["stdout"] = "secret"
        #expect(throws: PayloadError("stdout", .unknown)) {
            try LedgerEvent(draft(type(of: payload).type, data))
        }
    }

    @Test("Without any one of its required members an event is refused, naming it", arguments: all.indices)
    func missingMember(index: Int) {
        let payload = Self.all[index]
        var optional: Set = [
            "expires_at", "ttl_seconds", "failed_step", "invitation_id", "sealed_name", "allowed_addresses",
            "monthly_limit", "previous_ends_at", "api_url", "facts_url", "assigned_to", "version", "grace_ends_at",
        ]
        if payload is AgentRegistered || payload is AgentChanged { optional.insert("customer_id") }
        if payload is AgentProbed { optional.insert("status") }
        // Of a change every member may be absent, only not all of them.
        if payload is KeyChanged { optional.insert("name") }
        if payload is SessionTerminalClosed { optional.formUnion(["exit_code", "input_bytes", "output_bytes"]) }
        if payload is CustomerChanged { optional.formUnion(payload.data.names) }
        for name in payload.data.names where !optional.contains(name) {
            var data = payload.data
            data[name] = nil
            let error = #expect(throws: PayloadError.self, "\(name)") {
                try LedgerEvent(draft(type(of: payload).type, data))
            }
            let standIns = [
                "signal": "exit_code", "returned": "reserved",
                "member_id": type(of: payload) == SessionCreated.self ? "key_id" : "member_id",
                "reason": payload is BackupEnded || payload is BackupRestoreEnded ? "bytes" : "reason",
            ]
            #expect(error == PayloadError(standIns[name] ?? name, .missing))
        }
    }

    @Test("A member of another kind is refused", arguments: all.indices)
    func wrongKind(index: Int) {
        let payload = Self.all[index]
        // A changed limit or organisation that is null is one that was taken away.
        for name in payload.data.names
        where !(payload is KeyChanged && name == "monthly_limit") && name != "sealed_organisation" {
            var data = payload.data
            data[name] = .null
            #expect(throws: PayloadError(name, .wrongKind)) {
                try LedgerEvent(draft(type(of: payload).type, data))
            }
        }
    }

    @Test(
        "Values that cannot be are refused",
        arguments: [
            ("session.executed", "exit_code", JSONValue.integer(256)), ("session.executed", "stdout_bytes", -1),
            ("customer.created", "sealed_email", "you@company.com"), ("customer.created", "sealed_email", "c2VhbGVl="),
            ("customer.created", "tier", "gold"), ("customer.changed", "jurisdiction", "MARS"),
            ("billing.subscription_changed", "status", "paused"), ("billing.subscription_changed", "event_created", -1),
            ("billing.subscription_changed", "sealed_subscription", "sub_1"),
            ("billing.grace_ended", "subscription_sha256", "sub_1"), ("member.added", "role", "root"),
            ("member.added", "sealed_email", "you@company.com"), ("member.added", "sealed_verifier", "$argon2id$v=19"),
            ("member.reset_issued", "token_sha256", "00"), ("sign_in.ended", "cause", "boredom"),
            ("usage.tick", "reserved", 0), ("usage.tick", "day", "2026-02-30"),
            ("key.issued", "secret_sha256", "00"), ("key.issued", "environment", "live"),
            ("key.issued", "permissions", ["root"]), ("key.issued", "permissions", ["proofs:read", "sessions:read"]),
            ("session.destroyed", "trigger", "ttl"), ("session.expired", "trigger", "api"),
            ("session.destroyed", "destroyed_at", "2026-03-01T14:00:00.000001Z"),
            ("session.expired_unclean", "failed_step", 9),
            ("session.expired_unclean", "known", ["output": "secret"]),
            ("session.expired_unclean", "known", ["what did it do": 1]),
            ("verification_key.published", "algorithm", "RSA"),
            ("verification_key.published", "public_key", "base64:AAAA"),
            ("proof.issued", "final_hash", "sha256:00"),
        ] as [(String, String, JSONValue)])
    func notAllowed(type: String, member: String, value: JSONValue) throws {
        let payload = try #require(Self.all.first { Swift.type(of: $0).type == type })
        var data = payload.data
        #expect(data[member] != nil)
        data[member] = value
        #expect(throws: PayloadError(member, .notAllowed)) { try LedgerEvent(draft(type, data)) }
    }

    @Test("A type that nobody knows yet is kept with all its data")
    func unknownType() throws {
        let data = World.object(["a": 1])
        let event = try LedgerEvent(draft("agent.seen", data, version: 4))
        #expect(event == .unknown(type: "agent.seen", version: 4, data: data))
        #expect(event.form.content.data == data)
    }

    @Test("The proof's event takes every member from the golden document itself")
    func goldenProof() throws {
        let document = try #require(try JSONReader.read(Fixtures.bytes("cdp-1.0.json")).object)
        let event = try ProofIssued(document: document)
        #expect(event.keyID.text == "nrx-verify-20260301T143000Z-a8f3e71c")
        #expect(event.publicKey == World.publicKey)
        #expect(event.trigger == .api)
        #expect(try ProofIssued(data: event.data) == event)
    }
}
