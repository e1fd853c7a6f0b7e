import GRDB
import Proofs

/// A customer for whom there shall be a place in the vault.
public struct NewCustomer: Sendable {
    let customerID: String
    let email: String
    let ownerID: String?
    let fields: [FieldToSeal]

    /// - Parameters:
    ///   - email: as it was given.
    ///   - ownerID: the member who is to sign in with this e-mail; nil for a customer without members.
    ///   - fields: what the events that create the customer hold, sealed.
    public init(customerID: String, email: String, ownerID: String? = nil, fields: [FieldToSeal] = []) {
        self.customerID = customerID
        self.email = email
        self.ownerID = ownerID
        self.fields = fields
    }
}

/// A customer's place in the vault, held before the event that creates the customer.
public struct Reservation: Sendable, Equatable {
    /// Whose it is.
    public let customerID: String
    /// The e-mail as it was given, without the white space around it: what to seal and later to show.
    public let email: String
    /// The fields of ``NewCustomer``, in their order, as ``Vault/seal(_:customerID:context:field:)`` seals.
    public let sealed: [String]
}

extension Vault {
    /// Makes the customer's data key and takes the e-mail, both durable when this returns. Comes before the event that
    /// creates the customer; if that event fails, call ``release(_:)``.
    ///
    /// Two spellings are the same e-mail when they are equal after ASCII white space around them is removed, in Unicode
    /// NFC and lower case. Calls that wait at the same time share one transaction and one sync.
    ///
    /// - Throws: ``VaultError/Code/emailTaken``, ``VaultError/Code/customerExists``, ``VaultError/Code/invalidInput``
    ///   for an empty e-mail or one of more than 320 bytes, ``VaultError/Code/overloaded``.
    public func reserve(email: String, customerID: String) async throws(VaultError) -> Reservation {
        let result = await withCheckedContinuation { continuation in
            reserve(NewCustomer(customerID: customerID, email: email)) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// The same for whoever does not wait, with the e-mail of the customer's first member and all that is to be sealed: one
    /// transaction for everything.
    ///
    /// - Parameter answer: called once, on the vault's thread or on the caller's; keep it to microseconds. Its errors are those
    ///   of ``reserve(email:customerID:)``, ``VaultError/Code/emailTaken`` also for a member's e-mail.
    public func reserve(
        _ customer: NewCustomer, then answer: @escaping @Sendable (Result<Reservation, VaultError>) -> Void
    ) {
        let made: (row: CustomerRow, reservation: Reservation)
        do throws(VaultError) { made = try makeKey(for: customer) } catch { return answer(.failure(error)) }
        let owner = customer.ownerID.map { ownerID in
            let member = MemberReference(customerID: customer.customerID, memberID: ownerID)
            return MemberRow(
                member: member, emailDigest: made.row.emailDigest,
                tag: masterKey.authenticate(MemberRow.binding(member, made.row.emailDigest)))
        }
        thread.submit(
            Job(
                { [customers] db in
                    try owner?.checkIsFree(db)
                    switch try customers.insert(made.row) {
                    case .done: break
                    case .emailTaken: throw VaultError(.emailTaken, "this e-mail belongs to a customer already.")
                    case .customerExists:
                        throw VaultError(
                            .customerExists, "customer \(made.row.customerID) has a data key already.")
                    }
                    try owner?.insert(db)
                },
                finish: { [self] () throws(VaultError) in
                    try remember(made.row)
                    return made.reservation
                }, answer: answer))
    }

    /// A fresh data key, wrapped, and what was to be sealed with it.
    private func makeKey(for customer: NewCustomer) throws(VaultError) -> (row: CustomerRow, reservation: Reservation) {
        let email = try EmailIndex.trim(customer.email)
        let digest = try emailIndex.digest(of: email)
        var fields: [PaddedField] = []
        for field in customer.fields { fields.append(try PaddedField(field, of: customer.customerID)) }
        let (wrapped, boxes) = try masterKey.makeWrappedKey(
            CustomerRow.binding(customerID: customer.customerID, emailDigest: digest)
        ) { [fields] key in fields.map { $0.sealed(under: key) } }
        return (
            CustomerRow(customerID: customer.customerID, emailDigest: digest, wrappedDataKey: wrapped),
            Reservation(
                customerID: customer.customerID, email: email, sealed: boxes.map { CanonicalBase64.encode($0) })
        )
    }

    /// Gives a reservation back whose event failed: the e-mail is free again, for customers and members, the data key gone.
    /// Nothing happens when there is none.
    public func release(_ customerID: String) async throws(VaultError) {
        try await thread.run { [customers] db in
            try MemberRow.deleteAll(db, customerID: customerID)
            _ = try customers.delete(customerID)
        } finish: { [dataKeys] () throws(VaultError) in
            dataKeys.remove(customerID)
        }
    }

    /// Erases a customer: deletes the data key, without which nothing sealed for them opens again, and frees the e-mail and
    /// those of all members.
    ///
    /// When this returns, the deletion is durable, the deleted bytes are overwritten in the database, and the write-ahead
    /// log that held them is truncated. Copies that the disk itself or a backup keeps are out of the vault's reach;
    /// without the master key they are worth nothing. About three syncs.
    ///
    /// - Returns: whether there was such a customer; erasing twice is no error.
    @discardableResult
    public func erase(_ customerID: String) async throws(VaultError) -> Bool {
        try await thread.run(emptiesJournal: true) { [customers] db in
            try MemberRow.deleteAll(db, customerID: customerID)
            return try customers.delete(customerID)
        } finish: { [dataKeys] existed throws(VaultError) in
            dataKeys.remove(customerID)
            return existed
        }
    }

    /// Erases every customer that is not in `known`: reservations whose event never came because the server died, and,
    /// in a vault put back from a backup, customers that were erased since. To be called at every start.
    ///
    /// - Parameter known: the customers that the whole log, read to its end, says exist and are not erased. Whoever is
    ///   missing here is erased for good.
    /// - Returns: the ids of those erased.
    @discardableResult
    public func removeOrphans(known: Set<String>) async throws(VaultError) -> [String] {
        try await thread.run(emptiesJournal: true) { [customers] db in
            let orphans = try customers.customers(otherThan: known.contains)
            for customerID in orphans {
                try MemberRow.deleteAll(db, customerID: customerID)
                try customers.delete(customerID)
            }
            return orphans
        } finish: { [dataKeys] orphans throws(VaultError) in
            for customerID in orphans { dataKeys.remove(customerID) }
            return orphans
        }
    }

    /// Who has this e-mail, however it is spelled (see ``reserve(email:customerID:)``); nil for nobody.
    ///
    /// - Throws: ``VaultError/Code/damaged`` when the row was altered, for example to point to somebody else.
    public func customerID(forEmail email: String) async throws(VaultError) -> String? {
        let digest = try emailIndex.digest(of: email)
        return try await thread.run { [customers] _ in
            try customers.row(withEmail: digest)
        } finish: { [self] row throws(VaultError) in
            guard let row else { return nil }
            try remember(row)
            return row.customerID
        }
    }

    /// Unwraps a row's data key into the cache. On the vault's thread only, after the commit, in the order of the calls:
    /// so no key returns to the cache after its erasure.
    func remember(_ row: CustomerRow) throws(VaultError) {
        let isIntact = dataKeys.insert(row.customerID) { masterKey.unwrap(row.wrappedDataKey, row.binding, into: $0) }
        guard isIntact else { throw CustomerRow.altered(row.customerID) }
    }
}
