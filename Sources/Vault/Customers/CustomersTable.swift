import GRDB
import SQLite

/// The table `customers`: rows in the order in which they came, found by customer and by e-mail in memory.
///
/// Filling both indexes reads the whole table once; they take 32 to 128 bytes a customer (``RowIndex``).
// @unchecked: the opener uses it before the vault's thread begins, and after that this thread alone, within its transactions.
final class CustomersTable: @unchecked Sendable {
    static let sql = """
        CREATE TABLE customers (
            number INTEGER PRIMARY KEY,
            customer_id TEXT NOT NULL,
            email_digest BLOB NOT NULL,
            wrapped_data_key BLOB NOT NULL
        ) STRICT
        """

    /// What became of a row that was to be added.
    enum Insertion { case done, emailTaken, customerExists }

    private let connection: OpaquePointer
    /// Nil before the first use, after a transaction that was rolled back, and when the file is closed.
    private var loaded: Loaded?

    init(on connection: OpaquePointer) { self.connection = connection }

    /// Forgets what is in memory: it is read again when it is needed. Before the file is closed, and after a rollback.
    func forget() { loaded = nil }

    /// Reads where every row stands.
    ///
    /// - Throws: `damaged` when two rows have the same customer or the same e-mail.
    func load() throws { _ = try withLoaded { $0.lastNumber } }

    func row(of customerID: String) throws -> CustomerRow? {
        try withLoaded { try $0.find(customerID: customerID)?.row }
    }

    func row(withEmail digest: [UInt8]) throws -> CustomerRow? {
        try withLoaded { try $0.find(emailDigest: digest)?.row }
    }

    /// Adds the row, unless its customer or its e-mail has one.
    func insert(_ row: CustomerRow) throws -> Insertion { try withLoaded { try $0.add(row) } }

    /// - Returns: whether there was such a row.
    @discardableResult
    func delete(_ customerID: String) throws -> Bool { try withLoaded { try $0.delete(customerID) } }

    /// The customers that are not in `known`.
    func customers(otherThan known: (String) -> Bool) throws -> [String] {
        let all = try sqlite { () throws(SQLiteError) in
            try PreparedStatement("SELECT customer_id FROM customers ORDER BY number", on: connection)
        }
        var others: [String] = []
        while let row = try sqlite({ () throws(SQLiteError) in try all.step() }) {
            let customerID = row.text(0)
            if !known(customerID) { others.append(customerID) }
        }
        return others
    }

    private func withLoaded<Result>(_ body: (inout Loaded) throws -> Result) throws -> Result {
        var loaded = try self.loaded ?? Loaded(on: connection)
        // Not held twice while it is changed, or the indexes would be copied.
        self.loaded = nil
        defer { self.loaded = loaded }
        return try body(&loaded)
    }
}

/// What is in memory while the file is in use.
private struct Loaded {
    private var byCustomer = RowIndex()
    private var byEmail = RowIndex()
    private(set) var lastNumber: Int64 = 0
    private let insertion: PreparedStatement
    private let reading: PreparedStatement
    private let deletion: PreparedStatement

    init(on connection: OpaquePointer) throws {
        (insertion, reading, deletion) = try sqlite { () throws(SQLiteError) in
            (
                try PreparedStatement("INSERT INTO customers VALUES (?, ?, ?, ?)", on: connection),
                try PreparedStatement(
                    "SELECT customer_id, email_digest, wrapped_data_key FROM customers WHERE number = ?", on: connection
                ),
                try PreparedStatement("DELETE FROM customers WHERE number = ?", on: connection)
            )
        }
        let all = try sqlite { () throws(SQLiteError) in
            try PreparedStatement("SELECT number, customer_id, email_digest FROM customers", on: connection)
        }
        while let row = try sqlite({ () throws(SQLiteError) in try all.step() }) {
            let (number, customerID, digest) = (row.integer(0), row.text(1), row.blob(2))
            guard (1...RowIndex.numberMax).contains(number), try find(customerID: customerID) == nil,
                try find(emailDigest: digest) == nil
            else {
                throw VaultError(
                    .damaged,
                    "the vault's row \(number) has no number, or the customer or e-mail of another row. Restore the vault"
                        + " from a backup.")
            }
            note(number, customerID, digest)
        }
    }

    func find(customerID: String) throws -> (number: Int64, row: CustomerRow)? {
        try find(in: byCustomer, Self.hash(customerID)) { $0.customerID == customerID }
    }

    func find(emailDigest: [UInt8]) throws -> (number: Int64, row: CustomerRow)? {
        try find(in: byEmail, Self.hash(emailDigest)) { $0.emailDigest == emailDigest }
    }

    mutating func add(_ row: CustomerRow) throws -> CustomersTable.Insertion {
        if try find(emailDigest: row.emailDigest) != nil { return .emailTaken }
        if try find(customerID: row.customerID) != nil { return .customerExists }
        let number = lastNumber + 1
        guard number <= RowIndex.numberMax else {
            throw VaultError(.io, "the vault has made \(lastNumber) data keys and has no number for another one.")
        }
        try sqlite { () throws(SQLiteError) in
            try insertion.run(
                [.integer(number), .text(row.customerID), .blob(row.emailDigest), .blob(row.wrappedDataKey)])
        }
        note(number, row.customerID, row.emailDigest)
        return .done
    }

    mutating func delete(_ customerID: String) throws -> Bool {
        guard let (number, row) = try find(customerID: customerID) else { return false }
        try sqlite { () throws(SQLiteError) in try deletion.run([.integer(number)]) }
        byCustomer.remove(number, Self.hash(customerID))
        byEmail.remove(number, Self.hash(row.emailDigest))
        return true
    }

    private mutating func note(_ number: Int64, _ customerID: String, _ emailDigest: [UInt8]) {
        byCustomer.insert(number, Self.hash(customerID))
        byEmail.insert(number, Self.hash(emailDigest))
        lastNumber = max(lastNumber, number)
    }

    private func find(
        in index: RowIndex, _ hash: UInt32, where isMeant: (CustomerRow) -> Bool
    ) throws -> (number: Int64, row: CustomerRow)? {
        var found: CustomerRow?
        let number = try index.find(hash) { number in
            let row = try sqlite { () throws(SQLiteError) in
                try reading.first([.integer(number)]) {
                    CustomerRow(customerID: $0.text(0), emailDigest: $0.blob(1), wrappedDataKey: $0.blob(2))
                }
            }
            guard let row, isMeant(row) else { return false }
            found = row
            return true
        }
        guard let number, let found else { return nil }
        return (number, found)
    }

    private static func hash(_ customerID: String) -> UInt32 { UInt32(truncatingIfNeeded: customerID.hashValue) }

    /// A digest is a keyed hash already.
    private static func hash(_ emailDigest: [UInt8]) -> UInt32 {
        emailDigest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// What `body` returns; its errors as those that GRDB throws, so that there is one kind.
private func sqlite<Result>(_ body: () throws(SQLiteError) -> Result) throws -> Result {
    do throws(SQLiteError) { return try body() } catch {
        throw DatabaseError(resultCode: ResultCode(rawValue: error.code), message: error.message)
    }
}
