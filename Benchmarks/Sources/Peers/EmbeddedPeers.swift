import Foundation
import GRDBSQLite
import Synchronization

/// Durable engines that run inside the program that uses them, as ours does.
enum EmbeddedPeers {
    /// Bytes of one record; an event of ours has about as many.
    static let recordBytes = 300

    /// RocksDB's own `fillseq` with a sync for every write, by so many threads.
    ///
    /// - Returns: writes a second.
    static func rocksDB(writers: Int, in directory: String) throws -> Double {
        let database = directory + "/rocksdb"
        defer { try? FileManager.default.removeItem(atPath: database) }
        let keyBytes = 24
        // About a second's worth; db_bench counts by thread and cannot be told a time for this workload.
        let writesPerThread = writers == 1 ? 4_000 : 32_000 / writers
        let output = try ChildProcess.run(
            "db_bench",
            [
                "--benchmarks=fillseq", "--sync=1", "--threads=\(writers)", "--num=\(writesPerThread)",
                "--key_size=\(keyBytes)", "--value_size=\(recordBytes - keyBytes)", "--compression_type=none",
                "--db=\(database)",
            ], in: directory)
        guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix("fillseq") }),
            let rate = String(line).number(after: "micros/op")
        else { throw BenchmarkError("db_bench printed no rate: \(output.suffix(300))") }
        return rate
    }

    /// SQLite, one row a transaction, write-ahead log with `synchronous=FULL`, a connection each for so many threads.
    ///
    /// - Returns: rows a second.
    static func sqlite(writers: Int, seconds: Double, in directory: String) throws -> Double {
        let path = directory + "/peer.sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
        let rows = Atomic(0)
        let failures = Atomic(0)
        let clock = ContinuousClock()
        try SQLiteWriter(path: path).createTable()
        let start = clock.now
        let end = start.advanced(by: .seconds(seconds))
        let threads = (0..<writers).map { _ in
            let finished = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                defer { finished.signal() }
                do {
                    let writer = try SQLiteWriter(path: path)
                    while clock.now < end {
                        try writer.insert()
                        rows.add(1, ordering: .relaxed)
                    }
                } catch { failures.add(1, ordering: .relaxed) }
            }
            return finished
        }
        threads.forEach { $0.wait() }
        guard failures.load(ordering: .relaxed) == 0 else { throw BenchmarkError("SQLite refused a row") }
        return Double(rows.load(ordering: .relaxed)) / start.duration(to: clock.now).inSeconds
    }
}

/// One connection of one thread.
private final class SQLiteWriter {
    private var handle: OpaquePointer?
    private var statement: OpaquePointer?
    private let record = [UInt8](repeating: 0x6E, count: EmbeddedPeers.recordBytes)

    init(path: String) throws {
        try check(sqlite3_open(path, &handle))
        sqlite3_busy_timeout(handle, 60_000)
        try check(sqlite3_exec(handle, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", nil, nil, nil))
    }

    deinit {
        sqlite3_finalize(statement)
        sqlite3_close(handle)
    }

    func createTable() throws {
        try check(sqlite3_exec(handle, "CREATE TABLE event (position INTEGER PRIMARY KEY, line BLOB)", nil, nil, nil))
    }

    func insert() throws {
        if statement == nil {
            try check(sqlite3_prepare_v2(handle, "INSERT INTO event (line) VALUES (?)", -1, &statement, nil))
        }
        // The record outlives the step: nil as destructor is SQLITE_STATIC.
        sqlite3_bind_blob(statement, 1, record, Int32(record.count), nil)
        let code = sqlite3_step(statement)
        sqlite3_reset(statement)
        guard code == SQLITE_DONE else { throw BenchmarkError("SQLite answered \(code)") }
    }

    private func check(_ code: Int32) throws {
        guard code == SQLITE_OK else { throw BenchmarkError("SQLite answered \(code)") }
    }
}
