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

    /// The error for a row whose wrapped key does not belong to it.
    static func altered(_ customerID: String) -> VaultError {
        VaultError(
            .damaged,
            "the vault's row of customer \(customerID) was altered: its data key does not open. Restore the vault from a"
                + " backup.")
    }
}
