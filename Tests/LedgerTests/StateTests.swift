import Proofs
import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Merkle
import Testing

@Suite struct StateTests {
    /// A log with one customer, one destroyed session and one live one.
    private func story() throws -> World {
        var world = World()
        let (_, key) = try world.signUp()
        let first = try world.createSession(key)
        let exec = try world.beginExec(first)
        try world.run(.finishExec(FinishExec(sessionID: first, result: World.result(exec))))
        try world.run(.reserveRequests(ReserveRequests(keyID: key, requests: 10)))
        world.now = world.now.adding(seconds: 1)
        try world.end(first)
        _ = try world.createSession(key)
        return world
    }

    private func fold(_ log: [Envelope]) throws(ReplayError) -> State {
        var state = State()
        for envelope in log { try state.apply(envelope) }
        return state
    }

    /// The log's events at new places, without those for which `drop` is true.
    private func renumbered(_ events: [EventDraft]) -> [Envelope] {
        events.enumerated().map { Envelope(sequence: UInt64($0.offset), event: $0.element) }
    }

    private func failure(of events: [EventDraft]) -> ReplayError? {
        do {
            _ = try fold(renumbered(events))
            return nil
        } catch { return error }
    }

    @Test("The same log gives the same state")
    func deterministic() throws {
        let world = try story()
        #expect(try fold(world.log) == world.state)
        let lines = world.log.map { $0.event.line(at: $0.sequence) }
        let read = try lines.map { line in try line.withUnsafeBufferPointer { try Envelope(line: $0) } }
        #expect(try fold(read) == world.state)
    }

    @Test("An event that is missing, repeated or out of order is refused, and the state stays as it was")
    func gaps() throws {
        let world = try story()
        var state = try fold(Array(world.log.prefix(3)))
        let before = state
        for sequence in [2, 4] {
            let error = #expect(throws: ReplayError.self) { try state.apply(world.log[sequence]) }
            #expect(error?.code == .gap)
            #expect(state == before)
        }
    }

    @Test("No event but the last can be left out of a story, whatever the numbers then say")
    func everyEventMatters() throws {
        let world = try story()
        let events = world.log.map(\.event)
        // A destruction may cut a command short, so its end can be missing.
        let harmless: Set = ["usage.tick", "session.executed"]
        for index in events.indices.dropLast() where !harmless.contains(events[index].type) {
            var fewer = events
            fewer.remove(at: index)
            #expect(failure(of: fewer) != nil, "without \(events[index].type)")
        }
    }

    @Test("No event of a story can happen twice")
    func nothingTwice() throws {
        let world = try story()
        let events = world.log.map(\.event)
        for index in events.indices where events[index].type != "usage.tick" {
            #expect(failure(of: Array(events[...index]) + [events[index]] + events[(index + 1)...]) != nil)
            #expect(failure(of: events + [events[index]]) != nil, "\(events[index].type) again at the end")
        }
    }

    @Test("A log that ends between a session's end and its proof is not complete, and nothing else may come there")
    func adjacentProof() throws {
        let world = try story()
        let events = world.log.map(\.event)
        let end = try #require(events.firstIndex { $0.type == "session.destroyed" })
        let cut = try fold(renumbered(Array(events[...end])))
        #expect(!cut.isComplete)
        var between = events
        between.insert(try #require(events.last), at: end + 1)
        #expect(failure(of: between)?.code == .transition)
        #expect(failure(of: between)?.sequence == UInt64(end + 1))
    }

    @Test("Data that is not what its type says is an error with the place and the member, never the value")
    func badData() throws {
        let world = try story()
        var events = world.log.map(\.event)
        let index = try #require(events.firstIndex { $0.type == "session.executed" })
        var data = events[index].data
        data["stdout"] = "the secret output"
        events[index] = changed(events[index], data: data)
        let error = try #require(failure(of: events))
        #expect(error.code == .payload)
        #expect(error.sequence == UInt64(index))
        #expect(error.reason.contains("stdout") && !error.description.contains("secret output"))
    }

    @Test("An event in another aggregate's stream is refused")
    func streams() throws {
        let world = try story()
        let events = world.log.map(\.event)
        for index in events.indices.dropFirst() {
            var moved = events
            moved[index] = changed(events[index], stream: "elsewhere")
            #expect(failure(of: moved) != nil, "\(events[index].type)")
        }
    }

    @Test("A proof that disagrees with its session's events in one member is refused by the fold too")
    func tamperedProof() throws {
        let world = try story()
        let events = world.log.map(\.event)
        let index = try #require(events.firstIndex { $0.type == "proof.issued" })
        let document = try #require(events[index].data["cdp"]?.object)
        let texts = [
            "session_id", "created_at", "destroyed_at", "final_hash", "attestation.key_id", "attestation.public_key",
            "attestation.signature", "session_context.jurisdiction", "session_context.data_classification",
            "session_context.region", "session_context.environment", "evidence[7].document.session_id",
            "evidence[7].document.customer_id", "evidence[7].document.created_at", "evidence[7].document.destroyed_at",
            "evidence[7].document.key_id", "evidence[7].document.trigger",
        ]
        let others: [(path: String, value: JSONValue)] =
            texts.flatMap { [($0, .string("another")), ($0, .integer(1))] } + [("evidence[7].document.exec_count", 99)]
        for (path, value) in others {
            var steps = path.split(separator: ".").map(String.init)
            let name = steps.removeLast()
            let made = try #require(Self.changed(.object(document), at: steps[...], name, to: value).object)
            // As it was made, and as it is read from a line.
            for wrong in [made, try #require(try JSONReader.read(JSONValue.object(made).canonicalBytes).object)] {
                var data = events[index].data
                data["cdp"] = .object(wrong)
                var tampered = events
                tampered[index] = changed(events[index], data: data)
                let error = try #require(failure(of: tampered), "\(path)")
                #expect(error.code == .proof)
                #expect(error.reason.contains("cdp.\(path) is not"), "\(error.reason)")
            }
        }
    }

    @Test("A proof with more or fewer than eight evidence documents has no step 8 that could agree")
    func wrongNumberOfSteps() throws {
        let events = try story().log.map(\.event)
        let index = try #require(events.firstIndex { $0.type == "proof.issued" })
        let document = try #require(events[index].data["cdp"]?.object)
        let evidence = try #require(document["evidence"]?.array)
        for steps in [Array(evidence.dropFirst()), evidence + evidence.suffix(1)] {
            var wrong = document
            wrong["evidence"] = .array(steps)
            var data = events[index].data
            data["cdp"] = .object(wrong)
            var tampered = events
            tampered[index] = changed(events[index], data: data)
            let error = try #require(failure(of: tampered))
            #expect(error.reason.contains("cdp.evidence[7].document.session_id is not"))
        }
    }

    /// `value` with another member at a path; `evidence[7]` is an element.
    private static func changed(
        _ value: JSONValue, at path: ArraySlice<String>, _ name: String, to other: JSONValue
    ) -> JSONValue {
        guard var object = value.object else { return value }
        guard let step = path.first else {
            object[name] = other
            return .object(object)
        }
        if step == "evidence[7]" {
            var elements = object["evidence"]?.array ?? []
            elements[7] = changed(elements[7], at: path.dropFirst(), name, to: other)
            object["evidence"] = .array(elements)
        } else {
            object[step] = object[step].map { changed($0, at: path.dropFirst(), name, to: other) }
        }
        return .object(object)
    }

    @Test("Unknown types are skipped, counted, and lose nothing of what follows")
    func unknownTypes() throws {
        let world = try story()
        var events = world.log.map(\.event)
        events.insert(
            EventDraft(
                id: "evt_1", at: World.start, actor: "system", stream: "comet_1", trace: "t",
                type: "comet.observed", version: 9, data: World.object(["x": 1])), at: 4)
        let state = try fold(renumbered(events))
        #expect(state.unknownEvents == 1)
        #expect(state.counts == world.state.counts)
    }

    @Test("The golden destruction proof fits a history that leads to it")
    func goldenProof() throws {
        let document = try #require(try JSONReader.read(Fixtures.bytes("cdp-1.0.json")).object)
        let lifecycle = try #require(ProofIssued.lifecycle(of: document))
        let customer = try #require(lifecycle["customer_id"]?.string.flatMap(CustomerID.init))
        let session = try #require(document["session_id"]?.string.flatMap(SessionID.init))
        var world = World()
        let key = world.newKey()
        try world.run(
            .signUp(
                SignUp(
                    customerID: customer, eventID: EventID(using: &world.generator), sealedEmail: "c2VhbGVk",
                    jurisdiction: .europeanUnion, tier: .enterprise,
                    key: key)))
        try world.run(
            .createSession(
                CreateSession(sessionID: session, dataClassification: .healthInformation, region: "eu")),
            as: .key(key.id))
        let exec = try world.beginExec(session)
        try world.run(.finishExec(FinishExec(sessionID: session, result: World.result(exec))))
        world.now = World.time("2026-03-01T14:30:00Z")
        try world.run(
            .publishVerificationKey(
                PublishVerificationKey(sessionID: session, destroyedAt: world.now, publicKey: World.publicKey)))
        try world.run(.endSession(EndSession(sessionID: session, proof: document)), as: .key(key.id))
        #expect(world.state.endedSession(session)?.status == .destroyed)
    }

    private func changed(_ event: EventDraft, stream: String? = nil, data: JSONObject? = nil) -> EventDraft {
        EventDraft(
            id: event.id, at: event.at, actor: event.actor, stream: stream ?? event.stream, trace: event.trace,
            type: event.type, version: event.version, data: data ?? event.data)
    }
}
