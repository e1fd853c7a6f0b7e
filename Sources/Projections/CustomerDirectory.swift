import Ledger
import Synchronization

/// Where each customer's row is, in step with the projections: what ``ProjectionStore/apply(_:)`` adds is here when it
/// returns. Built from the table when the file is opened.
///
/// A database's index of random ids costs each sign-up a page of its own, to be written and copied once more from the
/// write-ahead log; this costs none, and every read that names a customer saves a join (docs/benchmarks.md).
///
/// Safe for any number of callers; a look-up holds a lock for two accesses to memory.
final class CustomerDirectory: Sendable {
    /// A customer, erased ones included, and the number of its row.
    struct Place {
        let id: CustomerID
        let sequence: Int64
    }

    private let table = Mutex(CustomerTable())

    /// The number of the row of the customer called `id`, or nil when there never was one.
    func find(_ id: CustomerID) -> Int64? { table.withLock { $0.find(id) } }

    /// Adds `customers`, all at once.
    func publish(_ customers: [Place]) {
        guard !customers.isEmpty else { return }
        table.withLock { table in
            for customer in customers { table.put(customer) }
        }
    }

    /// Exchanges everything at once: nobody sees a directory that is half full.
    func replaceAll(with customers: [Place]) {
        table.withLock { $0 = CustomerTable(customers) }
    }
}

/// What the projections know in memory, in step with the tables.
struct Directories {
    var keys = KeyDirectory()
    var customers = CustomerDirectory()
}

/// The contents of a ``CustomerDirectory``: 24 bytes a customer side by side, and a ``SlotTable`` in front.
struct CustomerTable: ~Copyable {
    private var records = PackedArray<CustomerDirectory.Place>(capacity: 8)
    private var slots = SlotTable()

    init(_ customers: [CustomerDirectory.Place] = []) {
        for customer in customers { put(customer) }
    }

    func find(_ id: CustomerID) -> Int64? {
        guard let index = slots.find(Self.slotHash(of: id), where: { records[$0].id == id }) else { return nil }
        return records[index].sequence
    }

    /// Adds the customer; nothing when it is there. Its row never moves.
    mutating func put(_ customer: CustomerDirectory.Place) {
        guard find(customer.id) == nil else { return }
        records.append(customer)
        let isGrown = slots.makeRoom(for: records.count)
        for index in (isGrown ? 0 : records.count - 1)..<records.count {
            slots.insert(index, Self.slotHash(of: records[index].id))
        }
    }

    /// Identifiers are drawn at random, by the server alone.
    private static func slotHash(of id: CustomerID) -> UInt64 { id.low }
}
