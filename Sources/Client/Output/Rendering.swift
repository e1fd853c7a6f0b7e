public import CanonicalJSON

/// Answers as text for people: tables of lists, lines of objects. What the server sends is never taken as control
/// characters of the terminal.
public enum Rendering {
    /// A table of the members `columns` of each row; a member that a row lacks is a dash.
    public static func table(_ rows: [JSONValue], columns: [String]) -> String {
        let cells = rows.map { row in columns.map { text(of: row[$0] ?? .null) } }
        let titles = columns.map { $0.replacing("_", with: " ").uppercased() }
        var widths = titles.map(\.count)
        for row in cells { for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) } }
        func line(_ row: [String]) -> String {
            var line = ""
            for (index, cell) in row.enumerated() {
                let isLast = index == row.count - 1
                line += isLast ? cell : cell + String(repeating: " ", count: widths[index] - cell.count + 2)
            }
            return line + "\n"
        }
        return line(titles) + cells.map(line).joined()
    }

    /// One line for each member, those that are objects indented beneath their name.
    public static func fields(_ value: JSONValue, indent: String = "") -> String {
        guard let members = value.object?.members else { return indent + text(of: value) + "\n" }
        let width = members.map(\.name.count).max() ?? 0
        var output = ""
        for member in members {
            let name = printable(member.name)
            if member.value.object != nil {
                output += "\(indent)\(name):\n" + fields(member.value, indent: indent + "  ")
            } else {
                let gap = String(repeating: " ", count: max(0, width - member.name.count))
                output += "\(indent)\(name):\(gap) \(text(of: member.value))\n"
            }
        }
        return output
    }

    private static func text(of value: JSONValue) -> String {
        switch value {
        case .null: "-"
        case .bool(let flag): flag ? "yes" : "no"
        case .integer(let number): String(number)
        case .double(let number): String(number)
        case .string(let text): printable(text)
        case .array(let elements): elements.isEmpty ? "-" : elements.map { self.text(of: $0) }.joined(separator: ", ")
        case .object: printable(value.canonicalText)
        }
    }

    /// Without control characters, which could move the cursor or change what was printed before.
    public static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
                    default: scalar
                    }
                }))
    }
}
