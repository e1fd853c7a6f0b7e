import Foundation
import GRDB

/// A row of `customers`. The wrapped key is bound to the customer and to the e-mail's digest, so rows cannot be swapped.
struct CustomerRow: Sendable {
    let customerID: String
    let emailDigest: [UInt8]
    let wrappedDataKey: [UInt8]

    /// What a data key is bound to.
    static func binding(customerID: String, emailDigest: [UInt8]) -> Binding {
        Binding(.dataKey, Array(customerID.utf8), emailDigest)
    }

    var binding: Binding { Self.binding(customerID: customerID, emailDigest: emailDigest) }

    static func fetch(_ db: Database, customerID: String) throws -> CustomerRow? {
        try fetch(db, where: "customer_id", is: customerID)
    }

    static func fetch(_ db: Database, emailDigest: [UInt8]) throws -> CustomerRow? {
        try fetch(db, where: "email_digest", is: Data(emailDigest))
    }

    private static func fetch(
        _ db: Database, where column: StaticString, is value: any DatabaseValueConvertible
    ) throws -> CustomerRow? {
        let statement = try db.cachedStatement(
            sql: "SELECT customer_id, email_digest, wrapped_data_key FROM customers WHERE \(column) = ?")
        return try Row.fetchOne(statement, arguments: [value]).map {
            CustomerRow(
                customerID: $0["customer_id"], emailDigest: $0.bytes("email_digest"),
                wrappedDataKey: $0.bytes("wrapped_data_key"))
        }
    }

    /// - Returns: false, with nothing written, when the customer or the e-mail has a row already.
    func insert(_ db: Database) throws -> Bool {
        try db.cachedStatement(
            sql: """
                INSERT INTO customers (customer_id, email_digest, wrapped_data_key) VALUES (?, ?, ?)
                ON CONFLICT DO NOTHING
                """
        ).execute(arguments: [customerID, Data(emailDigest), Data(wrappedDataKey)])
        return db.changesCount > 0
    }

    /// - Returns: whether there was such a row.
    @discardableResult
    static func delete(_ db: Database, customerID: String) throws -> Bool {
        try db.cachedStatement(sql: "DELETE FROM customers WHERE customer_id = ?").execute(arguments: [customerID])
        return db.changesCount > 0
    }

    /// The error for a row whose wrapped key does not belong to it.
    static func altered(_ customerID: String) -> VaultError {
        VaultError(
            .damaged,
            "the vault's row of customer \(customerID) was altered: its data key does not open. Restore the vault from a"
                + " backup.")
    }
}
