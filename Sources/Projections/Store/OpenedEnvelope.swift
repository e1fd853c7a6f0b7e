import CanonicalJSON
public import EventStore
import Ledger

/// An event of the log as the projections take it: its payload read, and the texts that tables hold made.
///
/// Making one is a good half of the work of applying it, and needs nothing but the event itself: any thread can do it, in
/// any order. The JSON that it was read from is not kept.
public struct OpenedEnvelope: Sendable {
    /// Position in the log.
    public let sequence: UInt64
    let id: String
    let at: Timestamp
    let actor: String
    let stream: String
    let type: String
    /// What happened; the document of a proof is in ``document`` alone.
    let payload: LedgerEvent
    /// Canonical JSON of the members that feeds and timelines show; empty for an event that none shows.
    let shown: String
    /// Canonical JSON of a proof; empty for other events.
    let document: String

    /// Opens `envelope`.
    ///
    /// - Throws: ``ProjectionError`` `event` when its payload is not what its type says.
    public init(_ envelope: Envelope) throws(ProjectionError) {
        try self.init(envelope, line: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Opens the events of a batch, whose lines hold the texts that are wanted.
    ///
    /// - Throws: ``EventLogError`` when a line is not an event in its place, ``ProjectionError`` `event` when a payload is
    ///   not what its type says.
    public static func all(of batch: borrowing ScannedBatch) throws -> [OpenedEnvelope] {
        let envelopes = try batch.envelopes()
        var opened: [OpenedEnvelope] = []
        opened.reserveCapacity(envelopes.count)
        var lines = LineIterator(text: batch.text)
        for envelope in envelopes {
            let line = lines.next() ?? UnsafeRawBufferPointer(start: nil, count: 0)
            opened.append(try OpenedEnvelope(envelope, line: line))
        }
        return opened
    }

    /// - Parameter line: the line that `envelope` was read from, or nothing.
    private init(_ envelope: Envelope, line: UnsafeRawBufferPointer) throws(ProjectionError) {
        let event = envelope.event
        sequence = envelope.sequence
        (id, at, actor, stream, type) = (event.id, event.at, event.actor, event.stream, event.type)
        var payload: LedgerEvent
        do { payload = try LedgerEvent(event) } catch {
            throw ProjectionError(.event, "\(event.type): \(error)", sequence: envelope.sequence)
        }
        switch payload {
        case .logCreated, .logKeyRotated, .logKeyRecovered, .usageTick, .idempotencyRecorded, .idempotencyReleased,
            .unknown:
            (shown, document) = ("", "")
        case .proofIssued(var proof):
            shown = ShownData.text(of: event.data, line: line)
            document = ShownData.text(ofWhole: proof.document, line: line)
            proof.document = JSONObject()
            payload = .proofIssued(proof)
        default:
            shown = ShownData.text(of: event.data, line: line)
            document = ""
        }
        self.payload = payload
    }
}

/// The text of an event's data as a customer sees it.
private enum ShownData {
    /// Members that are sealed, are a secret's hash, or are a whole document that has its own place.
    private static let hidden: Set<String> = [
        "sealed_email", "sealed_name", "sealed_verifier", "secret_sha256", "token_sha256", "cdp", "credential",
        "sealed_organisation", "sealed_subscription", "subscription_sha256", "event_sha256",
    ]

    /// Canonical JSON of `object` without what is hidden.
    static func text(of object: JSONObject, line: UnsafeRawBufferPointer) -> String {
        guard object.members.contains(where: { hidden.contains($0.name) }) else {
            return text(ofWhole: object, line: line)
        }
        var text: [UInt8] = [UInt8(ascii: "{")]
        text.reserveCapacity(384)
        // Members stand in canonical order, and leaving one out keeps it.
        for member in object.members where !hidden.contains(member.name) {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            CanonicalWriter.write(member.name, to: &text)
            text.append(UInt8(ascii: ":"))
            member.value.writeCanonical(to: &text)
        }
        text.append(UInt8(ascii: "}"))
        return String(decoding: text, as: UTF8.self)
    }

    /// Canonical JSON of `object`: the bytes of `line` that are it, when it was read from there.
    static func text(ofWhole object: JSONObject, line: UnsafeRawBufferPointer) -> String {
        guard let source = object.canonicalSource, source.upperBound <= line.count else {
            return JSONValue.object(object).canonicalText
        }
        return String(decoding: line[source], as: UTF8.self)
    }
}
