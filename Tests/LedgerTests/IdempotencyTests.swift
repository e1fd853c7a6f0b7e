import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Proofs
import Testing

/// Idempotency keys as the rules have them: one effect for one key, for 24 hours.
@Suite("Idempotency keys in the ledger")
struct IdempotencyTests {
    private static let start = Timestamp("2026-03-01T14:00:00Z") ?? Timestamp(microseconds: 0)
    private static let (key, request) = (Hash(of: Array("key".utf8)), Hash(of: Array("request".utf8)))

    private struct Ledger {
        var state = State()
        var generator = SeededGenerator(seed: 6)
        private(set) var events: [Envelope] = []

        init() throws {
            let created = LogCreated(format: 1, origin: "localhost/test", verifierKey: "none")
            try append([
                EventDraft(
                    id: EventID(using: &generator).text, at: IdempotencyTests.start, actor: "system", stream: "log",
                    trace: "t", type: LogCreated.type, version: 1, data: created.data)
            ])
        }

        private mutating func append(_ drafts: [EventDraft]) throws {
            for draft in drafts {
                let envelope = Envelope(sequence: state.position, event: draft)
                try state.apply(envelope)
                events.append(envelope)
            }
        }

        /// Signs somebody up, remembering a request.
        @discardableResult
        mutating func signUp(
            _ key: Hash, _ request: Hash, after seconds: Int64 = 0, answer: String? = "AAAA"
        ) throws -> [EventDraft] {
            let customer = CustomerID(using: &generator)
            let new = NewKey(
                id: KeyID(using: &generator), name: "default", prefix: .nanorixLive, display: "nrx_live_a1b2",
                secretSHA256: Hash(of: Array(customer.text.utf8)), permissions: .full)
            let command = SignUp(
                customerID: customer, eventID: EventID(using: &generator), sealedEmail: "AAAA", key: new)
            let context = DecisionContext(
                at: IdempotencyTests.start.adding(seconds: seconds), actor: .system, trace: "t")
            let drafts = try state.decide(
                .signUp(command),
                .record(RecordRequest(keySHA256: key, requestSHA256: request) { _ in answer }), in: context,
                using: &generator)
            try append(drafts)
            return drafts
        }
    }

    @Test("the request stands in the same commit as its effect, on the stream of whoever made it")
    func sameCommit() throws {
        var ledger = try Ledger()
        let drafts = try ledger.signUp(Self.key, Self.request)
        #expect(drafts.map(\.type) == ["customer.created", "key.issued", "idempotency.recorded"])
        #expect(drafts[2].stream == drafts[0].stream)
        #expect(drafts[2].data["key_sha256"] == .string(Self.key.hex))
        #expect(drafts[2].data["request_sha256"] == .string(Self.request.hex))
        #expect(drafts[2].data["answer"] == "AAAA")
        let kept = try #require(ledger.state.rememberedRequest(Self.key, at: Self.start))
        #expect(kept.requestSHA256 == Self.request)
        #expect(kept.sequence == 3)
    }

    @Test("a second effect under the key is refused for 24 hours, whatever the request; then the key is free")
    func refused() throws {
        var ledger = try Ledger()
        try ledger.signUp(Self.key, Self.request)
        for (request, seconds) in [(Self.request, 0), (Hash(of: [1]), 1), (Self.request, 86_399)] as [(Hash, Int64)] {
            #expect(throws: Refusal.self) { try ledger.signUp(Self.key, request, after: seconds) }
        }
        #expect(ledger.state.rememberedRequest(Self.key, at: Self.start.adding(seconds: 86_399)) != nil)
        #expect(ledger.state.rememberedRequest(Self.key, at: Self.start.adding(seconds: 86_400)) == nil)
        try ledger.signUp(Self.key, Hash(of: [1]), after: 86_400)
        // A clock that is set back finds the newer request.
        #expect(ledger.state.rememberedRequest(Self.key, at: Self.start)?.requestSHA256 == Hash(of: [1]))
    }

    @Test("replay gives the same state, and refuses a log in which one key has two effects")
    func replay() throws {
        var ledger = try Ledger()
        try ledger.signUp(Self.key, Self.request)
        try ledger.signUp(Hash(of: [2]), Self.request, after: 10)
        try ledger.signUp(Self.key, Self.request, after: 100_000)
        var replayed = State()
        for event in ledger.events { try replayed.apply(event) }
        #expect(replayed == ledger.state)
        let last = try #require(ledger.events.last)
        let twice = Envelope(
            sequence: replayed.position,
            event: EventDraft(
                id: "evt_" + String(repeating: "0", count: 32), at: last.event.at, actor: "system",
                stream: last.event.stream, trace: "t", type: last.event.type, version: 1, data: last.event.data))
        #expect(throws: ReplayError.self) { try replayed.apply(twice) }
    }

    @Test("payloads are read back as they are written, and nothing else is")
    func payloads() throws {
        for payload in [
            IdempotencyRecorded(answer: "AAAA", keySHA256: Self.key, requestSHA256: Self.request),
            IdempotencyRecorded(answer: nil, keySHA256: Self.key, requestSHA256: Self.request),
        ] { #expect(try IdempotencyRecorded(data: payload.data) == payload) }
        let released = IdempotencyReleased(keySHA256: Self.key)
        #expect(try IdempotencyReleased(data: released.data) == released)
        #expect(throws: PayloadError.self) { try IdempotencyReleased(data: JSONObject()) }
        #expect(throws: PayloadError.self) { try IdempotencyRecorded(data: released.data) }
    }
}
