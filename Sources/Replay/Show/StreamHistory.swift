import CanonicalJSON
public import EventStore
import Ledger

/// The whole history of a session, a customer or a key, as the log has it.
///
/// ```swift
/// let history = try StreamHistory(of: "sess_…", in: "data/log")
/// print(history.output.text)
/// ```
public struct StreamHistory: Sendable {
    /// The id that was asked for.
    public let id: String
    public let directory: String
    public let events: [Envelope]
    /// What is wrong with the log; nil when every stored byte is as it was written.
    public let defect: String?

    /// Reads the log and keeps the events of `id`: a session (`sess_…`), a customer (`cust_…`), an API key
    /// (`key_…`), a verification key (`nrx-verify-…`) or `log`.
    ///
    /// - Throws: ``AuditorError`` when `id` names no such thing, or the log cannot be read.
    public init(
        of id: String, in directory: String, progress: (ScanProgress) -> Void = { _ in }
    ) throws(AuditorError) {
        var events: [Envelope] = []
        defect = try LogScanner(directory: directory).select(try Self.selection(for: id), progress: progress) { line in
            if let envelope = line.envelope { events.append(envelope) }
        }
        self.id = id
        self.directory = directory
        self.events = events
    }

    private static func selection(for id: String) throws(AuditorError) -> EventSelection {
        if SessionID(id) != nil || CustomerID(id) != nil || id == FirstEvent.stream {
            return EventSelection(stream: id)
        }
        if KeyID(id) != nil || VerificationKeyID(id) != nil { return EventSelection(key: id) }
        throw AuditorError(
            .usage,
            "\(id) is no id. Give a session (sess_…), a customer (cust_…), an API key (key_…), a verification key"
                + " (nrx-verify-…) or `log`.")
    }

    /// Failed when the log holds nothing of it, or is damaged.
    public var status: ExitStatus { events.isEmpty || defect != nil ? .failed : .verified }

    /// The history as `nrx-replay show` prints it.
    public var output: CommandOutput {
        var text = ""
        for envelope in events { text += EventLine.text(of: envelope) + "\n" }
        if events.isEmpty { text += "the log in \(directory) holds nothing of \(id)\n" }
        if let defect { text += "WARNING: the log is damaged, and this is what precedes it: \(defect)\n" }
        return CommandOutput(
            "show", status: status, text: text,
            members: JSONObject([
                "id": .string(id), "events": .array(events.map { $0.document }), "damage": defect.map { .string($0) },
            ]))
    }
}

/// One event on one line, for people.
enum EventLine {
    /// Widths of the columns sequence, time and type.
    private static let sequenceWidth = 8
    private static let typeWidth = 26

    static func text(of envelope: Envelope) -> String {
        let event = envelope.event
        let sequence = String(envelope.sequence)
        let facts = summary(of: event.data)
        return String(repeating: " ", count: max(0, sequenceWidth - sequence.count)) + sequence + "  " + event.at.text
            + "  " + event.type + String(repeating: " ", count: max(1, typeWidth - event.type.count)) + facts
            + (event.actor == "system" ? "" : "  by \(event.actor)")
    }

    /// Members with their values; what is long or sealed only by its size.
    private static func summary(of data: JSONObject) -> String {
        data.members.map { "\($0.name)=\(brief($0.value))" }.joined(separator: " ")
    }

    private static let textMax = 80

    private static func brief(_ value: JSONValue) -> String {
        switch value {
        case .object(let object): "{\(object.members.count) members}"
        case .array(let elements):
            "[" + elements.map(brief).joined(separator: ",") + "]"
        case .string(let text) where text.utf8.count > textMax: "(\(text.utf8.count) characters)"
        case .string(let text): text
        case .null, .bool, .integer, .double: value.canonicalText
        }
    }
}

extension Envelope {
    /// The event with its nine members, as its line has them.
    var document: JSONValue {
        .object(
            JSONObject([
                "actor": .string(event.actor), "at": .string(event.at.text), "data": .object(event.data),
                "id": .string(event.id), "seq": .integer(Int64(sequence)), "stream": .string(event.stream),
                "trace": .string(event.trace), "type": .string(event.type), "v": .integer(Int64(event.version)),
            ]))
    }
}
