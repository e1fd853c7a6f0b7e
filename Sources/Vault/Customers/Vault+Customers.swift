import GRDB

/// A customer's place in the vault, held before the event that creates the customer.
public struct Reservation: Sendable, Equatable {
    /// Whose it is.
    public let customerID: String
    /// The e-mail as it was given, without the white space around it: what to seal and later to show.
    public let email: String
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
        let reservation = Reservation(customerID: customerID, email: try EmailIndex.trim(email))
        let digest = try emailIndex.digest(of: email)
        let row = CustomerRow(
            customerID: customerID, emailDigest: digest,
            wrappedDataKey: try masterKey.makeWrappedKey(
                CustomerRow.binding(customerID: customerID, emailDigest: digest)))
        return try await thread.run { [customers] _ in
            switch try customers.insert(row) {
            case .done: break
            case .emailTaken: throw VaultError(.emailTaken, "this e-mail belongs to a customer already.")
            case .customerExists:
                throw VaultError(.customerExists, "customer \(customerID) has a data key already.")
            }
        } finish: { [self] () throws(VaultError) in
            try remember(row)
            return reservation
        }
    }

    /// Gives a reservation back whose event failed: the e-mail is free again, the data key gone. Nothing happens when
    /// there is none.
    public func release(_ customerID: String) async throws(VaultError) {
        try await thread.run { [customers] _ in
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
