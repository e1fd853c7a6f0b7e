import CanonicalJSON
public import EventStore
public import Ledger

/// An event of the log as the projections take it: its payload read, and the texts that tables hold made.
///
/// Making one is a good half of the work of applying it, and needs nothing but the event itself: any thread can do it, in
/// any order. The JSON that it was read from is not kept.
public struct OpenedEnvelope: Sendable {
    /// Position in the log.
    public let sequence: UInt64
    let at: Timestamp
    /// What happened; the document of a proof is among the texts alone.
    let payload: LedgerEvent
    private let places: EventTexts.Places
    // Those of all events that were opened together.
    private var texts = EventTexts()

    /// Opens `envelope`.
    ///
    /// - Throws: ``ProjectionError`` `event` when its payload is not what its type says.
    public init(_ envelope: Envelope) throws(ProjectionError) {
        var texts = EventTexts()
        self = Self.opened(
            envelope, try Self.payload(of: envelope), line: nil, document: nil, texts: &texts)
        self.texts = texts
    }

    /// Opens events that came together.
    ///
    /// - Parameters:
    ///   - events: the newest of the log, or a part of them.
    ///   - decided: what the event with this number says, where that is known and need not be read.
    /// - Throws: ``ProjectionError`` `event` when a payload is not what its type says.
    public static func all(
        _ events: [Envelope], decided: (UInt64) -> LedgerEvent? = { _ in nil }
    ) throws(ProjectionError) -> [OpenedEnvelope] {
        var texts = EventTexts(capacity: events.count * usualTextBytes)
        var opened: [OpenedEnvelope] = []
        opened.reserveCapacity(events.count)
        for index in events.indices {
            let payload: LedgerEvent
            if let known = decided(events[index].sequence) {
                payload = known
            } else {
                payload = try Self.payload(of: events[index])
            }
            opened.append(Self.opened(events[index], payload, line: nil, document: nil, texts: &texts))
        }
        share(texts, among: &opened)
        return opened
    }

    /// Opens the events of a batch, whose lines hold the texts that are wanted.
    ///
    /// - Throws: ``EventLogError`` when a line is not an event in its place, ``ProjectionError`` `event` when a payload is
    ///   not what its type says.
    public static func all(of batch: borrowing ScannedBatch) throws -> [OpenedEnvelope] {
        // What tables hold of an event stands in its line.
        var texts = EventTexts(capacity: batch.text.count)
        var opened: [OpenedEnvelope] = []
        opened.reserveCapacity(Int(batch.header.eventCount))
        var lines = LineIterator(text: batch.text)
        while let line = lines.next() {
            let sequence = batch.header.firstSequence + UInt64(opened.count)
            guard
                let event = try proof(in: line, at: sequence, texts: &texts)
                    ?? other(in: line, at: sequence, texts: &texts)
            else {
                // Says which line it is, and what is wrong with it.
                return try all(try batch.envelopes())
            }
            opened.append(event)
        }
        share(texts, among: &opened)
        return opened
    }

    /// Room for the texts of most events.
    private static let usualTextBytes = 512

    private static func share(_ texts: EventTexts, among opened: inout [OpenedEnvelope]) {
        for index in opened.indices { opened[index].texts = texts }
    }

    /// The event in `line`; nil when it is not that with the number `sequence`.
    private static func other(
        in line: UnsafeRawBufferPointer, at sequence: UInt64, texts: inout EventTexts
    ) throws(ProjectionError) -> OpenedEnvelope? {
        guard let envelope = envelope(in: line), envelope.sequence == sequence else { return nil }
        return opened(envelope, try payload(of: envelope), line: line, document: nil, texts: &texts)
    }

    /// The proof in `line`, whose document is taken as it stands; nil for all that is not plainly a proof. The event is read
    /// from the line without the document.
    private static func proof(
        in line: UnsafeRawBufferPointer, at sequence: UInt64, texts: inout EventTexts
    ) throws -> OpenedEnvelope? {
        guard let start = ProofLine.documentStart(in: line), let end = PlainObject.end(in: line, from: start) else {
            return nil
        }
        let rest = Array(line[..<start]) + [UInt8(ascii: "{"), UInt8(ascii: "}")] + Array(line[end...])
        return try rest.withUnsafeBytes { rest in
            guard let envelope = envelope(in: rest), envelope.sequence == sequence else { return nil }
            let payload = try payload(of: envelope)
            guard case .proofIssued = payload else { return nil }
            let document = UnsafeRawBufferPointer(rebasing: line[start..<end])
            return opened(envelope, payload, line: rest, document: document, texts: &texts)
        }
    }

    private static func envelope(in line: UnsafeRawBufferPointer) -> Envelope? {
        do throws(EnvelopeError) {
            return try Envelope(line: line.assumingMemoryBound(to: UInt8.self))
        } catch { return nil }
    }

    private static func payload(of envelope: Envelope) throws(ProjectionError) -> LedgerEvent {
        do { return try LedgerEvent(envelope.event) } catch {
            throw ProjectionError(.event, "\(envelope.event.type): \(error)", sequence: envelope.sequence)
        }
    }

    /// - Parameters:
    ///   - line: what `envelope` was read from, if that is at hand.
    ///   - document: that of a proof, if it is not in `payload`.
    ///   - texts: where its texts are added; the caller gives them to the event when all are there.
    private static func opened(
        _ envelope: Envelope, _ payload: LedgerEvent, line: UnsafeRawBufferPointer?,
        document: UnsafeRawBufferPointer?, texts: inout EventTexts
    ) -> OpenedEnvelope {
        let places = texts.add(
            id: payload.isSealedTo ? envelope.event.id : nil, actor: envelope.event.actor,
            stream: envelope.event.stream, type: envelope.event.type,
            shown: { ShownData.append(of: payload, in: envelope.event, line: line, to: &$0) },
            document: {
                if let document {
                    $0.append(contentsOf: document)
                } else if case .proofIssued(let proof) = payload {
                    JSONValue.object(proof.document).writeCanonical(to: &$0)
                }
            })
        return OpenedEnvelope(
            sequence: envelope.sequence, at: envelope.event.at, payload: payload.withoutDocument, places: places)
    }

    private init(sequence: UInt64, at: Timestamp, payload: LedgerEvent, places: EventTexts.Places) {
        (self.sequence, self.at, self.payload, self.places) = (sequence, at, payload, places)
    }
}

extension OpenedEnvelope {
    /// Lends all its texts, none of which is copied.
    func withTexts<Result>(_ body: (EventTexts.Lent) -> Result) -> Result { texts.lend(places, body) }

    /// The event's id; empty where nothing is sealed to it.
    var id: String { withTexts { String(decoding: $0.id, as: UTF8.self) } }
    var actor: String { withTexts { String(decoding: $0.actor, as: UTF8.self) } }
    var stream: String { withTexts { String(decoding: $0.stream, as: UTF8.self) } }
    var type: String { withTexts { String(decoding: $0.type, as: UTF8.self) } }
    /// Canonical JSON of the members that feeds and timelines show; empty for an event that none shows.
    var shown: [UInt8] { withTexts { Array($0.shown) } }
    /// Canonical JSON of a proof; empty for other events.
    var document: [UInt8] { withTexts { Array($0.document) } }
}

extension LedgerEvent {
    /// Whether something is sealed to the event's id, which tables therefore hold.
    fileprivate var isSealedTo: Bool {
        switch self {
        case .customerCreated, .customerChanged, .memberAdded, .memberPasswordChanged, .invitationCreated: true
        default: false
        }
    }

    /// The event without a proof's document, which is a hundred values.
    fileprivate var withoutDocument: LedgerEvent {
        guard case .proofIssued(var proof) = self else { return self }
        proof.document = JSONObject()
        return .proofIssued(proof)
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
