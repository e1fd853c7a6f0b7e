import CSodium
import Foundation

extension Vault {
    /// Seals a text under the customer's data key, for an event.
    ///
    /// The text is padded to a multiple of 64 bytes, so that the length tells little. About 3 µs while the key is in
    /// memory, as it is right after ``reserve(email:customerID:)``; otherwise one read of the database.
    ///
    /// - Parameters:
    ///   - context: what the field is part of, as the reader will know it. An event's id is only made when the event is
    ///     decided, so for a stream's one event of a type that type identifies it: `customer.created`.
    ///   - field: the member's name.
    /// - Returns: base64 that ``open(_:customerID:context:field:)`` opens for the same customer, context and field only.
    /// - Throws: ``VaultError/Code/unknownCustomer``, ``VaultError/Code/invalidInput`` beyond ``fieldBytesMax``.
    public func seal(
        _ text: String, customerID: String, context: String, field: String
    ) async throws(VaultError) -> String {
        guard text.utf8.count <= Self.fieldBytesMax else {
            throw VaultError(.invalidInput, "a sealed field has at most \(Self.fieldBytesMax) bytes.")
        }
        let content = FieldPadding.pad(Array(text.utf8))
        let binding = Self.fieldBinding(customerID: customerID, context: context, field: field)
        let box = try await withDataKey(of: customerID) { key in
            SealedBox.seal(content, count: content.count, key: key, binding: binding)
        }
        return Data(box).base64EncodedString()
    }

    /// Opens what ``seal(_:customerID:context:field:)`` sealed.
    ///
    /// - Throws: ``VaultError/Code/unknownCustomer`` once the customer was erased, ``VaultError/Code/notAuthentic`` for
    ///   a text that was altered or sealed for another customer, context or field.
    public func open(
        _ sealed: String, customerID: String, context: String, field: String
    ) async throws(VaultError) -> String {
        let binding = Self.fieldBinding(customerID: customerID, context: context, field: field)
        guard let box = Data(base64Encoded: sealed), box.base64EncodedString() == sealed,
            box.count > SealedBox.overheadBytes, box.count <= Self.sealedBytesMax
        else { throw Self.notAuthentic(field) }
        let opened: [UInt8]? = try await withDataKey(of: customerID) { key in
            var content = [UInt8](repeating: 0, count: box.count - SealedBox.overheadBytes)
            let isAuthentic = SealedBox.open(box, into: &content, count: content.count, key: key, binding: binding)
            return isAuthentic ? content : nil
        }
        guard let opened, let text = FieldPadding.unpad(opened).flatMap({ String(validating: $0, as: UTF8.self) })
        else { throw Self.notAuthentic(field) }
        return text
    }

    private static let sealedBytesMax = fieldBytesMax + FieldPadding.blockBytes + SealedBox.overheadBytes

    private static func fieldBinding(customerID: String, context: String, field: String) -> Binding {
        Binding(.field, Array(customerID.utf8), Array(context.utf8), Array(field.utf8))
    }

    private static func notAuthentic(_ field: String) -> VaultError {
        VaultError(
            .notAuthentic,
            "the sealed \(field) was altered, or belongs to another customer or event. Audit the log with"
                + " `nrx-replay audit`.")
    }

    /// Lends the customer's data key, which is read from the database when it is not in memory.
    private func withDataKey<R: Sendable>(
        of customerID: String, _ body: @escaping @Sendable (UnsafePointer<UInt8>) -> R
    ) async throws(VaultError) -> R {
        if let result = dataKeys.withKey(of: customerID, body) { return result }
        return try await thread.run { db in
            guard let row = try CustomerRow.fetch(db, customerID: customerID) else {
                throw VaultError(.unknownCustomer, "customer \(customerID) has no data key: erased, or never created.")
            }
            return row
        } finish: { [self] row throws(VaultError) in
            try remember(row)
            guard let result = dataKeys.withKey(of: customerID, body) else { throw CustomerRow.altered(customerID) }
            return result
        }
    }
}

/// ISO/IEC 7816-4 padding to a multiple of 64 bytes: 0x80, then zeros.
enum FieldPadding {
    static let blockBytes = 64

    static func pad(_ content: [UInt8]) -> [UInt8] {
        let count = (content.count / blockBytes + 1) * blockBytes
        return content + [0x80] + [UInt8](repeating: 0, count: count - content.count - 1)
    }

    /// nil when that is not how ``pad(_:)`` ends.
    static func unpad(_ padded: [UInt8]) -> [UInt8]? {
        guard padded.count.isMultiple(of: blockBytes), let mark = padded.lastIndex(where: { $0 != 0 }),
            padded[mark] == 0x80, padded.count - mark <= blockBytes
        else { return nil }
        return Array(padded[..<mark])
    }
}
