import Foundation

/// What is printed in the end: one line a measurement, ours beside the peer's.
struct Table {
    /// One measurement.
    struct Row {
        /// What was measured.
        let name: String
        /// Ours, with its unit.
        let ours: String
        /// What it is held against.
        let peer: String
        /// The peer's number, with its unit.
        let theirs: String
        /// Ours and the peer's as one number; its meaning follows from the target's direction.
        let ratio: Double
        /// What the ratio should be; nil where it is only for information.
        var target: Target?
    }

    /// What a ratio should be.
    enum Target {
        case atLeast(Double)
        case atMost(Double)

        func isMet(by ratio: Double) -> Bool {
            switch self {
            case .atLeast(let least): ratio >= least
            case .atMost(let most): ratio <= most
            }
        }

        var text: String {
            switch self {
            case .atLeast(let least): "≥ \(least) ×"
            case .atMost(let most): "≤ \(most) ×"
            }
        }
    }

    private var rows: [Row] = []
    private var notes: [String] = []

    mutating func add(_ more: [Row]) { rows += more }

    /// Something that could not be measured.
    mutating func note(_ text: String) { notes.append(text) }

    /// The whole table.
    var text: String {
        let head = ["measured", "ours", "beside", "theirs", "ratio", "target", "met"]
        let lines = [head] + rows.map(Self.cells)
        let widths = head.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        let table = lines.map { line in
            let cells = line.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return Self.isNumeric(column) ? padding + cell : cell + padding
            }
            return cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
        }
        return (table + notes).joined(separator: "\n")
    }

    private static func isNumeric(_ column: Int) -> Bool { column == 1 || column == 3 || column == 4 }

    private static func cells(of row: Row) -> [String] {
        [
            row.name, row.ours, row.peer, row.theirs, ratioText(row.ratio), row.target?.text ?? "",
            row.target.map { $0.isMet(by: row.ratio) ? "yes" : "NO" } ?? "",
        ]
    }
}

/// 1234567 a second is `1.23 M/s`.
func rateText(_ perSecond: Double) -> String {
    switch perSecond {
    case 1e6...: decimal(perSecond / 1e6) + " M/s"
    case 1e3...: decimal(perSecond / 1e3) + " k/s"
    default: decimal(perSecond) + " /s"
    }
}

/// For example `1.24 ×`.
func ratioText(_ ratio: Double) -> String { decimal(ratio) + " ×" }

/// Three significant digits or so.
func decimal(_ value: Double) -> String {
    let digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
    return String(format: "%.\(digits)f", value)
}
