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
    let shown: [UInt8]
    /// Canonical JSON of a proof; empty for other events.
    let document: [UInt8]

    /// Opens `envelope`.
    ///
    /// - Throws: ``ProjectionError`` `event` when its payload is not what its type says.
    public init(_ envelope: Envelope) throws(ProjectionError) { try self.init(envelope, line: nil) }

    /// Opens the events of a batch, whose lines hold the texts that are wanted.
    ///
    /// - Throws: ``EventLogError`` when a line is not an event in its place, ``ProjectionError`` `event` when a payload is
    ///   not what its type says.
    public static func all(of batch: borrowing ScannedBatch) throws -> [OpenedEnvelope] {
        var opened: [OpenedEnvelope] = []
        opened.reserveCapacity(Int(batch.header.eventCount))
        var lines = LineIterator(text: batch.text)
        while let line = lines.next() {
            let sequence = batch.header.firstSequence + UInt64(opened.count)
            guard let event = try proof(in: line, at: sequence) ?? other(in: line, at: sequence) else {
                // Says which line it is, and what is wrong with it.
                return try batch.envelopes().map { try OpenedEnvelope($0) }
            }
            opened.append(event)
        }
        return opened
    }

    /// The event in `line`; nil when it is not that with the number `sequence`.
    private static func other(in line: UnsafeRawBufferPointer, at sequence: UInt64) throws -> OpenedEnvelope? {
        let envelope: Envelope
        do throws(EnvelopeError) {
            envelope = try Envelope(line: line.assumingMemoryBound(to: UInt8.self))
        } catch { return nil }
        return envelope.sequence == sequence ? try OpenedEnvelope(envelope, line: line) : nil
    }

    /// The proof in `line`, whose document is taken as it stands; nil for all that is not plainly a proof. The event is read
    /// from the line without the document.
    private static func proof(in line: UnsafeRawBufferPointer, at sequence: UInt64) throws -> OpenedEnvelope? {
        guard let start = ProofLine.documentStart(in: line), let end = PlainObject.end(in: line, from: start) else {
            return nil
        }
        let rest = Array(line[..<start]) + [UInt8(ascii: "{"), UInt8(ascii: "}")] + Array(line[end...])
        let opened = try rest.withUnsafeBytes { try other(in: $0, at: sequence) }
        guard let opened, case .proofIssued = opened.payload else { return nil }
        return OpenedEnvelope(opened, document: Array(line[start..<end]))
    }

    private init(_ proof: OpenedEnvelope, document: [UInt8]) {
        (sequence, id, at, actor, stream) = (proof.sequence, proof.id, proof.at, proof.actor, proof.stream)
        (type, payload, shown) = (proof.type, proof.payload, proof.shown)
        self.document = document
    }

    /// - Parameter line: what `envelope` was read from, if that is at hand.
    private init(_ envelope: Envelope, line: UnsafeRawBufferPointer?) throws(ProjectionError) {
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
            (shown, document) = ([], [])
        case .proofIssued(var proof):
            shown = ShownData.text(of: event.data, line: line)
            document = JSONValue.object(proof.document).canonicalBytes
            proof.document = JSONObject()
            payload = .proofIssued(proof)
        case .sessionCreated, .sessionExecuting, .sessionExecuted, .sessionDestroyed, .sessionExpired,
            .sessionExpiredUnclean, .sessionTerminalOpened, .sessionTerminalClosed, .verificationKeyPublished:
            // Their payloads have exactly their members, none of which is hidden: no need to look at each.
            shown = ShownData.whole(event.data, line: line)
            document = []
        default:
            shown = ShownData.text(of: event.data, line: line)
            document = []
        }
        self.payload = payload
    }
}

/// Where the document stands in the line of a proof's event.
private enum ProofLine {
    /// What goes before it. Within a string the quotes would be escaped, so it is found nowhere else before the data.
    private static let before = Array(#","data":{"cdp":"#.utf8)
    /// The actor and the time stand before that.
    private static let placeMax = 256
    /// No line of a proof is shorter; most other lines are.
    private static let lineBytesMin = 1_024

    static func documentStart(in line: UnsafeRawBufferPointer) -> Int? {
        guard line.count >= lineBytesMin else { return nil }
        var rest = line.prefix(placeMax)
        while let comma = rest.firstIndex(of: before[0]) {
            rest = rest[comma...]
            if rest.starts(with: before) { return comma + before.count }
            rest = rest.dropFirst()
        }
        return nil
    }
}

/// The text of an event's data as a customer sees it.
private enum ShownData {
    /// Members that are sealed, are a secret's hash, or are a whole document that has its own place.
    private static let hidden: Set<String> = [
        "sealed_email", "sealed_name", "sealed_verifier", "secret_sha256", "token_sha256", "cdp", "credential",
        "sealed_organisation", "sealed_subscription", "subscription_sha256", "event_sha256",
    ]

    /// Canonical JSON of all of `object`: bytes of `line`, when it was read from there.
    static func whole(_ object: JSONObject, line: UnsafeRawBufferPointer?) -> [UInt8] {
        guard let line, let source = object.canonicalSource, source.upperBound <= line.count else {
            return JSONValue.object(object).canonicalBytes
        }
        return Array(line[source])
    }

    /// Canonical JSON of `object` without what is hidden: bytes of `line`, when it was read from there and all is shown.
    static func text(of object: JSONObject, line: UnsafeRawBufferPointer?) -> [UInt8] {
        let members = object.members
        guard members.contains(where: { hidden.contains($0.name) }) else { return whole(object, line: line) }
        var text: [UInt8] = [UInt8(ascii: "{")]
        text.reserveCapacity(384)
        // Members stand in canonical order, and leaving one out keeps it.
        for member in members where !hidden.contains(member.name) {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            CanonicalWriter.write(member.name, to: &text)
            text.append(UInt8(ascii: ":"))
            member.value.writeCanonical(to: &text)
        }
        text.append(UInt8(ascii: "}"))
        return text
    }
}
