import CanonicalJSON
import Ledger

/// What the full-text index holds of an agent, and what it is asked.
struct AgentSearchText: Equatable {
    /// Name, address, capabilities and tags, as words.
    let words: String
    /// Each capability and each tag as one word of its own, so that a filter finds exactly it.
    let labels: String

    init(name: String, profile: AgentProfile) {
        words = ([name, profile.url] + profile.capabilities + profile.tags).joined(separator: " ")
        labels =
            (profile.capabilities.map { AgentLabels.token("c", $0) } + profile.tags.map { AgentLabels.token("t", $0) })
            .joined(separator: " ")
    }

    /// Words of a question that are looked at; further ones are ignored.
    private static let piecesMax = 16
    /// Shortest beginning of a word that `*` may stand behind.
    private static let prefixCharactersMin = 3

    /// The question in FTS5's own language, whose operators no text can reach: every piece is a quoted phrase. All of them
    /// must fit; `weath*` fits every word that begins so. Nil when nothing is asked.
    static func question(text: String, capabilities: [String], tags: [String]) -> String? {
        let pieces = text.split(whereSeparator: \.isWhitespace).filter { $0.contains { $0.isLetter || $0.isNumber } }
            .prefix(piecesMax)
        var parts: [String] = []
        if !pieces.isEmpty { parts.append("words : (" + pieces.map(phrase).joined(separator: " AND ") + ")") }
        let labels = capabilities.map { AgentLabels.token("c", $0) } + tags.map { AgentLabels.token("t", $0) }
        if !labels.isEmpty {
            parts.append("labels : (" + labels.map { "\"\($0)\"" }.joined(separator: " AND ") + ")")
        }
        return parts.isEmpty ? nil : parts.joined(separator: " AND ")
    }

    private static func phrase(_ piece: Substring) -> String {
        var word = piece
        while word.last == "*" { word.removeLast() }
        let isPrefix = word.count < piece.count && word.count >= prefixCharactersMin
        return "\"" + word.replacing("\"", with: "\"\"").replacing("\u{0}", with: "") + "\"" + (isPrefix ? "*" : "")
    }
}

/// Capabilities and tags in a column, and in the index.
enum AgentLabels {
    /// A JSON array.
    static func text(_ labels: [String]) -> String { JSONValue.array(labels.map { .string($0) }).canonicalText }

    /// What ``text(_:)`` wrote; nil for anything else.
    static func read(_ text: String) -> [String]? {
        let value: JSONValue
        do { value = try JSONReader.read(Array(text.utf8)) } catch { return nil }
        return value.array?.compactMap(\.string)
    }

    /// One word for the tokeniser, whatever stands in the label; its case does not matter.
    static func token(_ kind: String, _ label: String) -> String {
        kind
            + label.lowercased().utf8.map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0" + digits : digits
            }.joined()
    }
}
