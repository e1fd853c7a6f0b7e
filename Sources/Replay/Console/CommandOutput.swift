public import CanonicalJSON

/// What a command answers: lines for people, one JSON document for machines, and the exit code.
public struct CommandOutput: Sendable {
    public let status: ExitStatus
    /// For standard output without `--json`; each line ends in a newline.
    public let text: String
    /// For standard output with `--json`, on one line.
    public let json: JSONValue

    /// Why the answer is no, where a command says so in one sentence.
    public var reason: String? { json["reason"]?.string }

    /// ``json`` in its canonical form, and a newline.
    public var jsonText: String { json.canonicalText + "\n" }

    init(_ command: String, status: ExitStatus, text: String, members: JSONObject) {
        self.status = status
        self.text = text
        var document = members
        document["command"] = .string(command)
        document["result"] = .string(status.name)
        document["exit_code"] = .integer(Int64(status.rawValue))
        json = .object(document)
    }

    /// The answer when a command could not do its work.
    public init(_ command: String, error: AuditorError) {
        var members = JSONObject()
        var description = JSONObject()
        description["code"] = .string(error.code.rawValue)
        description["message"] = .string(error.message)
        if let file = error.file { description["file"] = .string(file) }
        members["error"] = .object(description)
        self.init(command, status: .unusable, text: "", members: members)
    }
}

/// Lines of `label  text`, the texts under each other and wrapped.
struct LabelledLines {
    static let columnsMax = 110
    private let labelWidth: Int
    private(set) var text = ""

    init(labelWidth: Int) { self.labelWidth = labelWidth }

    mutating func add(_ label: String, _ content: String) {
        var line = label + String(repeating: " ", count: max(1, labelWidth - label.count))
        var isEmpty = true
        for word in content.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > Self.columnsMax {
                text += line + "\n"
                line = String(repeating: " ", count: labelWidth)
                isEmpty = true
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        text += line + "\n"
    }
}

extension JSONObject {
    /// An object of members in any order; a nil value leaves its member out.
    init(_ members: KeyValuePairs<String, JSONValue?>) {
        self.init()
        for (name, value) in members { self[name] = value }
    }
}
