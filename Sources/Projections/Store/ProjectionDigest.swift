public import Merkle
import SQLite

/// Hashes over all rows of the projections: equal for the same log on every machine, whatever the batches were.
public struct ProjectionDigest: Sendable, Equatable {
    /// One table's share.
    public struct Table: Sendable, Equatable {
        public let name: String
        public let rows: Int
        /// SHA-256 over the canonical form of each row, in the order of the primary key.
        public let hash: Hash
    }

    public let tables: [Table]

    /// SHA-256 over the names and hashes of all tables.
    public var whole: Hash {
        var bytes: [UInt8] = []
        for table in tables { bytes += Array(table.name.utf8) + [0] + table.hash.bytes }
        return Hash(of: bytes)
    }
}

/// A row that two projections do not share.
public struct ProjectionDifference: Sendable, Equatable, CustomStringConvertible {
    /// How the two differ there.
    public enum Kind: Sendable, Equatable {
        case onlyInFirst
        case onlyInSecond
        /// The names of the columns that differ.
        case differs(columns: [String])
    }

    public let table: String
    /// Number of the row in the order of the primary key, from 0, in the first projection (in the second when it is
    /// only there).
    public let row: Int
    /// The columns of the primary key with their values.
    public let key: String
    public let kind: Kind

    public var description: String {
        switch kind {
        case .onlyInFirst: "\(table) \(key): only in the first"
        case .onlyInSecond: "\(table) \(key): only in the second"
        case .differs(let columns): "\(table) \(key): differs in \(columns.joined(separator: ", "))"
        }
    }
}

extension ProjectionStore {
    /// The digest of all tables. Reads every row, about a million a second; nothing is applied meanwhile.
    public func digest() throws(ProjectionError) -> ProjectionDigest {
        try whileQuiet { path throws(ProjectionError) in try DigestReader(path: path).digest() }
    }

    /// The first differing rows between this projection and `other`, at most `limit` in each table.
    ///
    /// Both are read in the order of their keys, side by side; memory does not grow with them.
    public func differences(
        from other: ProjectionStore, limit: Int = 10
    ) throws(ProjectionError) -> [ProjectionDifference] {
        try whileQuiet { firstPath throws(ProjectionError) in
            try other.whileQuiet { secondPath throws(ProjectionError) in
                let first = try ReadConnection(path: firstPath)
                let second = try ReadConnection(path: secondPath)
                var found: [ProjectionDifference] = []
                for table in ProjectionSchema.tables {
                    var comparison = TableComparison(
                        table: table, first: try first.prepare(table.allRows),
                        second: try second.prepare(table.allRows))
                    found += try comparison.run(limit: limit)
                }
                return found
            }
        }
    }
}

extension TableDefinition {
    /// The table in the order of its key.
    var allRows: String { "SELECT * FROM \(name) ORDER BY \(key)" }

    fileprivate var keyColumns: [String] {
        key.split { $0 == "," || $0 == " " }.map(String.init)
    }
}

/// Walks two copies of a table side by side.
private struct TableComparison {
    /// A row with its key in a form whose bytes sort as SQLite sorts the key.
    private struct Row {
        let sortKey: [UInt8]
        let shownKey: String
        let columns: [(name: String, bytes: [UInt8])]
    }

    let table: TableDefinition
    let first: SQLiteStatement
    let second: SQLiteStatement

    init(table: TableDefinition, first: SQLiteStatement, second: SQLiteStatement) {
        self.table = table
        self.first = first
        self.second = second
    }

    mutating func run(limit: Int) throws(ProjectionError) -> [ProjectionDifference] {
        var found: [ProjectionDifference] = []
        var index = (first: 0, second: 0)
        var left = try next(first)
        var right = try next(second)
        while left != nil || right != nil, found.count < limit {
            if let one = left, right.map({ one.sortKey.lexicographicallyPrecedes($0.sortKey) }) ?? true {
                found.append(difference(one, index.first, .onlyInFirst))
                index.first += 1
                left = try next(first)
            } else if let other = right, left.map({ other.sortKey.lexicographicallyPrecedes($0.sortKey) }) ?? true {
                found.append(difference(other, index.second, .onlyInSecond))
                index.second += 1
                right = try next(second)
            } else if let one = left, let other = right {
                let columns = zip(one.columns, other.columns).filter { $0.bytes != $1.bytes }.map(\.0.name)
                if !columns.isEmpty { found.append(difference(one, index.first, .differs(columns: columns))) }
                index = (index.first + 1, index.second + 1)
                left = try next(first)
                right = try next(second)
            }
        }
        return found
    }

    private func difference(_ row: Row, _ index: Int, _ kind: ProjectionDifference.Kind) -> ProjectionDifference {
        ProjectionDifference(table: table.name, row: index, key: row.shownKey, kind: kind)
    }

    private func next(_ statement: SQLiteStatement) throws(ProjectionError) -> Row? {
        guard let row = try statement.step() else { return nil }
        let keys = Set(table.keyColumns)
        var sortKey: [UInt8] = []
        var shown: [String] = []
        var columns: [(name: String, bytes: [UInt8])] = []
        for column in 0..<row.columnCount {
            var bytes: [UInt8] = []
            row.appendCanonical(column, to: &bytes)
            let name = row.name(column)
            if keys.contains(name) {
                // Keys are integers that are not negative, or text; text sorts by its bytes, not by its length first.
                sortKey += bytes.first == UInt8(ascii: "t") ? Array(row.text(column).utf8) + [0] : bytes
                shown.append("\(name)=\(row.text(column))")
            }
            columns.append((name, bytes))
        }
        return Row(sortKey: sortKey, shownKey: shown.joined(separator: " "), columns: columns)
    }
}
