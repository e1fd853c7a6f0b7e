import GRDB
import SQLite
import Testing

@testable import Projections

@Suite("Statements with constant text")
struct SQLiteStatementTests {
    private static func withTable(_ body: (OpaquePointer) throws -> Void) throws {
        try DatabaseQueue().inDatabase { database in
            try database.execute(sql: "CREATE TABLE t (one INTEGER, two TEXT, three BLOB) STRICT")
            try body(try #require(database.sqliteConnection))
        }
    }

    @Test("Texts and bytes of any length are stored as they were given, run after run, and so is nothing")
    func lengths() throws {
        try Self.withTable { connection in
            let insert = try SQLiteStatement("INSERT INTO t VALUES (?, ?, ?)", on: connection)
            let lengths = [0, 1, 15, 16, 1_000, 2_047, 2_048, 2_049, 100_000, 3]
            for length in lengths {
                try insert.run { row in
                    row.add(Int64(length))
                    row.add(String(repeating: "é", count: length))
                    [UInt8](repeating: 0xA5, count: length).withUnsafeBytes { row.add(blob: $0) }
                }
            }
            var found: [Int] = []
            let all = try SQLiteStatement("SELECT one, two, three, typeof(two), typeof(three) FROM t", on: connection)
            try all.forEachRow([]) { row throws(ProjectionError) in
                let length = Int(row.integer(0))
                found.append(length)
                #expect(row.text(1) == String(repeating: "é", count: length))
                #expect(row.blob(2) == [UInt8](repeating: 0xA5, count: length))
                #expect(row.text(3) == "text" && row.text(4) == "blob")
            }
            #expect(found == lengths)
        }
    }

    @Test("A parameter that was given nothing is null, whatever it was the time before")
    func missing() throws {
        try Self.withTable { connection in
            let insert = try SQLiteStatement("INSERT INTO t VALUES (?, ?, ?)", on: connection)
            try insert.run(.integer(1), .text("two"), .blob([3]))
            try insert.run { $0.add(2) }
            try insert.run { row in
                row.add(nil as Int64?)
                row.add(nil as String?)
            }
            var rows: [[String]] = []
            let all = try SQLiteStatement("SELECT typeof(one), typeof(two), typeof(three) FROM t", on: connection)
            try all.forEachRow([]) { row throws(ProjectionError) in rows.append((0..<3).map { row.text($0) }) }
            #expect(
                rows == [["integer", "text", "blob"], ["integer", "null", "null"], ["null", "null", "null"]])
        }
    }

    @Test("A parameter too many is an error, and the statement works again afterwards")
    func tooMany() throws {
        try Self.withTable { connection in
            let insert = try SQLiteStatement("INSERT INTO t (one) VALUES (?)", on: connection)
            #expect(throws: ProjectionError.self) { try insert.run(.integer(1), .integer(2)) }
            try insert.run(.integer(3))
            var found: [Int64] = []
            try SQLiteStatement("SELECT one FROM t", on: connection).forEachRow([]) { row throws(ProjectionError) in
                found.append(row.integer(0))
            }
            #expect(found == [3])
        }
    }
}
