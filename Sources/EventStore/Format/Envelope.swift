public import CanonicalJSON

/// An event before it has its place in the log: everything but the sequence number.
public struct EventDraft: Sendable, Equatable {
    /// `evt_` and 32 random lower-case hex digits. Never shown unless the whole line is: it blinds the commitment.
    public let id: String
    /// When it happened, by the server's clock.
    public let at: Timestamp
    /// Who did it: a key id, `system` or an operator; never an address or a name.
    public let actor: String
    /// The aggregate it belongs to.
    public let stream: String
    /// The server's own request id.
    public let trace: String
    /// For example `session.created`.
    public let type: String
    /// The version of `data` for this `type`, from 1.
    public let version: Int
    /// What happened: integers, strings, truth values, arrays and objects.
    public let data: JSONObject

    public init(
        id: String, at: Timestamp, actor: String, stream: String, trace: String, type: String, version: Int,
        data: JSONObject
    ) {
        self.id = id
        self.at = at
        self.actor = actor
        self.stream = stream
        self.trace = trace
        self.type = type
        self.version = version
        self.data = data
    }

    /// The event's line at `sequence`, without the newline: RFC 8785 member order, as docs/log-format.md has it.
    public func line(at sequence: UInt64) -> [UInt8] {
        var line: [UInt8] = []
        EncodedEvent(self).write(at: sequence, to: &line)
        return line
    }

    /// The line without its sequence number, and where that goes.
    func lineWithoutSequence() -> (bytes: [UInt8], gap: Int) {
        var line: [UInt8] = []
        line.reserveCapacity(Self.usualLineBytes)
        line.append(contentsOf: #"{"actor":"#.utf8)
        CanonicalWriter.write(actor, to: &line)
        line.append(contentsOf: #","at":""#.utf8)
        at.appendText(to: &line)
        line.append(contentsOf: #"","data":"#.utf8)
        JSONValue.object(data).writeCanonical(to: &line)
        line.append(contentsOf: #","id":"#.utf8)
        CanonicalWriter.write(id, to: &line)
        line.append(contentsOf: #","seq":"#.utf8)
        let gap = line.count
        line.append(contentsOf: #","stream":"#.utf8)
        CanonicalWriter.write(stream, to: &line)
        line.append(contentsOf: #","trace":"#.utf8)
        CanonicalWriter.write(trace, to: &line)
        line.append(contentsOf: #","type":"#.utf8)
        CanonicalWriter.write(type, to: &line)
        line.append(contentsOf: #","v":"#.utf8)
        CanonicalWriter.write(Int64(version), to: &line)
        line.append(UInt8(ascii: "}"))
        return (line, gap)
    }

    /// Room for most events' lines, so that writing one rarely moves it.
    private static let usualLineBytes = 512
}

/// An event in its place in the log.
public struct Envelope: Sendable, Equatable {
    /// Position in the log, from 0 without gaps.
    public let sequence: UInt64
    public let event: EventDraft

    public init(sequence: UInt64, event: EventDraft) {
        self.sequence = sequence
        self.event = event
    }

    /// Reads one line of the log, strictly: exactly the nine members, and byte for byte its own canonical form.
    ///
    /// - Throws: ``EnvelopeError`` saying what is wrong with the line.
    public init(line: UnsafeBufferPointer<UInt8>) throws(EnvelopeError) {
        let (value, isCanonical): (JSONValue, Bool)
        do { (value, isCanonical) = try JSONReader.readNotingForm(line) } catch { throw .json(error) }
        guard let object = value.object else { throw .members }
        self = try Envelope(object)
        // Nine members, each of its kind, in canonical form: that is the line that this event is written as.
        guard isCanonical else { throw .notCanonical }
    }

    /// The names of the nine members in canonical order.
    private static let names = ["actor", "at", "data", "id", "seq", "stream", "trace", "type", "v"]

    private init(_ object: JSONObject) throws(EnvelopeError) {
        let members = object.members
        guard members.count == Self.names.count, zip(members, Self.names).allSatisfy({ $0.name.hasSameBytes(as: $1) }),
            let actor = members[0].value.string, let at = members[1].value.string,
            let data = members[2].value.object, let id = members[3].value.string,
            let sequence = members[4].value.integer, sequence >= 0, let stream = members[5].value.string,
            let trace = members[6].value.string, let type = members[7].value.string,
            let version = members[8].value.integer, version >= 1
        else { throw .members }
        // The form is exact, so a time of this length is the text of the time it says.
        guard at.utf8.count == Timestamp.textBytes, let time = Timestamp(at) else { throw .timestamp(at) }
        self.sequence = UInt64(sequence)
        event = EventDraft(
            id: id, at: time, actor: actor, stream: stream, trace: trace, type: type, version: Int(version), data: data)
    }
}

/// Why a line of the log is not an event.
public enum EnvelopeError: Error, Equatable, Sendable, CustomStringConvertible {
    case json(JSONError)
    /// The members are not exactly actor, at, data, id, seq, stream, trace, type, v, each of its type.
    case members
    case timestamp(String)
    /// Readable, but not byte for byte the RFC 8785 form of what it says.
    case notCanonical

    public var description: String {
        switch self {
        case .json(let error): "not JSON: \(error)"
        case .members: "the members are not exactly those of an event"
        case .timestamp(let text): "not a time in the log's form: \(text)"
        case .notCanonical: "not in RFC 8785 canonical form"
        }
    }
}
