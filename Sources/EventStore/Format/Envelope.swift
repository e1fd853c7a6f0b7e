public import CanonicalJSON

/// An event before it has its place in the log: everything but the sequence number. A copy is one reference, since an event
/// goes from the decision to the disk, to the state and to the projections.
public struct EventDraft: Sendable, Equatable {
    /// Where the texts are that few readers of an event ask for.
    private enum Texts: Sendable {
        case given(id: String, actor: String, trace: String)
        /// In the line that the event was read from.
        case inLine(JSONObject)
    }

    /// What it says, in the form in which it came.
    private enum Said: Sendable {
        case object(JSONObject)
        case content(any ObjectContent)
    }

    private final class Record: Sendable {
        let texts: Texts
        let at: Timestamp
        let stream: String
        let type: String
        let version: Int
        let said: Said

        init(_ texts: Texts, at: Timestamp, stream: String, type: String, version: Int, said: Said) {
            self.texts = texts
            self.at = at
            self.stream = stream
            self.type = type
            self.version = version
            self.said = said
        }
    }

    private let record: Record
    /// When it happened, by the server's clock.
    public var at: Timestamp { record.at }
    /// The aggregate it belongs to.
    public var stream: String { record.stream }
    /// For example `session.created`.
    public var type: String { record.type }
    /// The version of `data` for this `type`, from 1.
    public var version: Int { record.version }

    public init(
        id: String, at: Timestamp, actor: String, stream: String, trace: String, type: String, version: Int,
        data: JSONObject
    ) {
        record = Record(
            .given(id: id, actor: actor, trace: trace), at: at, stream: stream, type: type, version: version,
            said: .object(data))
    }

    /// - Parameter content: gives its members when they are asked for.
    public init(
        id: String, at: Timestamp, actor: String, stream: String, trace: String, type: String, version: Int,
        content: any ObjectContent
    ) {
        record = Record(
            .given(id: id, actor: actor, trace: trace), at: at, stream: stream, type: type, version: version,
            said: .content(content))
    }

    /// The event that a line says whose members are known to be an event's.
    fileprivate init(line: JSONObject, at: Timestamp, stream: String, type: String, version: Int, data: JSONObject) {
        record = Record(
            .inLine(line), at: at, stream: stream, type: type, version: version, said: .object(data))
    }

    /// What happened: integers, strings, truth values, arrays and objects. Of what was not read from the log it is made at
    /// each call.
    public var data: JSONObject {
        switch record.said {
        case .object(let object): object
        case .content(let content): content.data
        }
    }

    /// Appends ``data`` in canonical form, without the members called `hidden`.
    package func writeData(hiding hidden: [StaticString] = [], to output: inout [UInt8]) {
        var sink = ByteSink()
        writeData(hiding: hidden, to: &sink)
        sink.append(to: &output)
    }

    private func writeData(hiding hidden: [StaticString] = [], to sink: inout ByteSink) {
        switch record.said {
        case .object(let object): CanonicalWriter.write(object, hiding: hidden, to: &sink)
        case .content(let content): MemberWriter.write(content, hiding: hidden, to: &sink)
        }
    }

    /// `evt_` and 32 random lower-case hex digits. Never shown unless the whole line is: it blinds the commitment.
    public var id: String {
        switch record.texts {
        case .given(let id, _, _): id
        case .inLine(let line): Self.text("id", in: line)
        }
    }

    /// Who did it: a key id, `system` or an operator; never an address or a name.
    public var actor: String {
        switch record.texts {
        case .given(_, let actor, _): actor
        case .inLine(let line): Self.text("actor", in: line)
        }
    }

    /// The server's own request id.
    public var trace: String {
        switch record.texts {
        case .given(_, _, let trace): trace
        case .inLine(let line): Self.text("trace", in: line)
        }
    }

    /// A member that is known to be a string.
    private static func text(_ name: StaticString, in line: JSONObject) -> String {
        line.withView { $0.member(name)?.string ?? "" } ?? ""
    }

    /// Equal when they say the same, wherever they were read.
    public static func == (left: EventDraft, right: EventDraft) -> Bool {
        if left.record === right.record { return true }
        return left.at == right.at && left.stream == right.stream && left.type == right.type
            && left.version == right.version && left.id == right.id && left.actor == right.actor
            && left.trace == right.trace && left.data == right.data
    }

    /// The event's line at `sequence`, without the newline: RFC 8785 member order, as docs/log-format.md has it.
    public func line(at sequence: UInt64) -> [UInt8] {
        var line: [UInt8] = []
        EncodedEvent(self).write(at: sequence, to: &line)
        return line
    }

    /// The line without its sequence number, and where that goes.
    func lineWithoutSequence() -> (bytes: [UInt8], gap: Int) {
        var line = ByteSink()
        line.append(#"{"actor":"#)
        CanonicalWriter.write(actor, to: &line)
        line.append(#","at":""#)
        line.append(at.text)
        line.append(#"","data":"#)
        writeData(to: &line)
        line.append(#","id":"#)
        CanonicalWriter.write(id, to: &line)
        line.append(#","seq":"#)
        let gap = line.count
        line.append(#","stream":"#)
        CanonicalWriter.write(stream, to: &line)
        line.append(#","trace":"#)
        CanonicalWriter.write(trace, to: &line)
        line.append(#","type":"#)
        CanonicalWriter.write(type, to: &line)
        line.append(#","v":"#)
        CanonicalWriter.write(Int64(version), to: &line)
        line.append(UInt8(ascii: "}"))
        return (line.bytes, gap)
    }
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
        let read: Result<Envelope, EnvelopeError>
        do {
            read = try JSONReader.withKeptView(of: line) { view, isCanonical in
                Result { () throws(EnvelopeError) in
                    let envelope = try Envelope(view)
                    // Nine members, each of its kind, in canonical form: that is the line this event is written as.
                    guard isCanonical else { throw .notCanonical }
                    return envelope
                }
            }
        } catch { throw .json(error) }
        self = try read.get()
    }

    /// The event that a line says; it keeps the line, and what few readers ask for stays there until it is asked.
    private init(_ line: JSONView) throws(EnvelopeError) {
        var members = EnvelopeMembers(line)
        guard members.next("actor")?.isString == true, let at = members.next("at"), at.isString,
            let data = members.next("data")?.object, members.next("id")?.isString == true,
            let sequence = members.next("seq")?.integer, sequence >= 0,
            let stream = members.next("stream")?.string, members.next("trace")?.isString == true,
            let type = members.next("type")?.string, let version = members.next("v")?.integer, version >= 1,
            members.areAll, let object = line.object
        else { throw .members }
        // The form is exact, so a time of this length is the text of the time it says.
        guard let time = at.withText({ $0.count == Timestamp.textBytes ? Timestamp(utf8: $0) : nil }) ?? nil else {
            throw .timestamp(at.string ?? "")
        }
        self.sequence = UInt64(sequence)
        event = EventDraft(
            line: object, at: time, stream: stream, type: type, version: Int(version), data: data)
    }
}

/// Takes the members of an event's line, asked for in canonical order.
private struct EnvelopeMembers {
    private static let count = 9
    private let line: JSONView
    private var rest: JSONView.Members

    init(_ line: JSONView) {
        self.line = line
        rest = line.members
    }

    /// The member with this name: the next one, in every line that was not tampered with.
    mutating func next(_ name: StaticString) -> JSONView? {
        var following = rest
        guard let next = following.next(), next.name.hasText(name) else { return line.member(name) }
        rest = following
        return next.value
    }

    /// Whether there are no others than the nine asked for.
    var areAll: Bool { rest.isAtEnd || line.members.count == Self.count }
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
