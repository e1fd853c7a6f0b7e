import CanonicalJSON
import EventStore
import Testing

@Suite("Events that are read from their lines")
struct EnvelopeTests {
    private func draft(type: String = "session.created", version: Int = 1, data: JSONObject = JSONObject())
        -> EventDraft
    {
        EventDraft(
            id: "evt_1", at: Timestamp(microseconds: 1_772_373_600_123_456), actor: "key_\"é\"", stream: "sess_1",
            trace: "req_1", type: type, version: version, data: data)
    }

    private func read(_ line: [UInt8]) throws -> Envelope {
        try line.withUnsafeBufferPointer { try Envelope(line: $0) }
    }

    @Test("say all that was written, also what is taken from the line only when it is asked for")
    func sayWhatWasWritten() throws {
        let draft = draft(data: JSONObject(sorting: [.init(name: "id", value: "another")]) ?? JSONObject())
        let envelope = try read(draft.line(at: 7))
        #expect(envelope.sequence == 7)
        #expect(envelope.event.id == "evt_1")
        #expect(envelope.event.actor == "key_\"é\"")
        #expect(envelope.event.trace == "req_1")
        #expect(envelope.event == draft)
        #expect(envelope.event.line(at: 7) == draft.line(at: 7))
    }

    @Test("differ when one of their texts differs")
    func differ() throws {
        let line = String(decoding: draft().line(at: 7), as: UTF8.self)
        let envelope = try read(Array(line.utf8))
        for (text, other) in [
            ("evt_1", "evt_2"), ("req_1", "req_2"), ("sess_1", "sess_2"), (#"key_\"é"#, #"key_\"e"#),
            ("session.created", "session.destroyed"), (#""v":1"#, #""v":2"#), (".123456Z", ".123457Z"),
            (#""data":{}"#, #""data":{"a":1}"#),
        ] {
            let changed = line.split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
            #expect(changed != line)
            #expect(try read(Array(changed.utf8)) != envelope, "\(other)")
        }
    }

    @Test("are refused when a text is none, also one that few ask for")
    func textsAreTexts() throws {
        let line = String(decoding: draft().line(at: 7), as: UTF8.self)
        for (text, other) in [
            (#""evt_1""#, "1"), (#""req_1""#, "{}"), (#""sess_1""#, "null"), (#""session.created""#, "[]"),
        ] {
            let changed = line.split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
            #expect(throws: EnvelopeError.members, "\(other)") { try read(Array(changed.utf8)) }
        }
        let actor = line.split(separator: #""key_\"é\"""#, omittingEmptySubsequences: false).joined(separator: "true")
        #expect(throws: EnvelopeError.members) { try read(Array(actor.utf8)) }
    }

    @Test("that may carry a rotation of the log's key are known by the end of their line, whatever their version")
    func mayCarryRotation() {
        func mayBe(_ line: [UInt8]) -> Bool { line.withUnsafeBytes { LogKeyRotation.mayBeCarried(by: $0) } }
        for version in [1, 9, 10, 9_007_199_254_740_991] {
            for type in ["log.key_rotated", "log.key_recovered"] {
                #expect(LogKeyRotation.isCarried(byType: type))
                #expect(mayBe(draft(type: type, version: version).line(at: 3)))
            }
            for type in ["log.created", "log.key_rotate", "log.key_rotatedd", "xlog.key_rotated", "session.created"] {
                #expect(!mayBe(draft(type: type, version: version).line(at: 3)))
            }
        }
        for text in ["", "}", "1}", #"{"type":"log.key_rotated"}"#, #"log.key_rotated","v":1}"#] {
            #expect(!mayBe(Array(text.utf8)))
        }
    }
}
