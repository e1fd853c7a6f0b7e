import CSodium
import Proofs

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
        let content = try PaddedField(
            FieldToSeal(text: text, context: context, field: field), of: customerID)
        return CanonicalBase64.encode(try await withDataKey(of: customerID, content.sealed))
    }

    /// Opens what ``seal(_:customerID:context:field:)`` sealed.
    ///
    /// - Throws: ``VaultError/Code/unknownCustomer`` once the customer was erased, ``VaultError/Code/notAuthentic`` for
    ///   a text that was altered or sealed for another customer, context or field.
    public func open(
        _ sealed: String, customerID: String, context: String, field: String
    ) async throws(VaultError) -> String {
        let box = try Self.box(sealed, field)
        let binding = Self.fieldBinding(customerID: customerID, context: context, field: field)
        let opened = try await withDataKey(of: customerID) { key in Self.open(box, key, binding) }
        return try Self.text(opened, field)
    }

    /// The same without waiting: nil when the customer's data key is not in memory, and would have to be read first.
    ///
    /// - Throws: ``VaultError/Code/notAuthentic`` as ``open(_:customerID:context:field:)`` does.
    public func openAtOnce(
        _ sealed: String, customerID: String, context: String, field: String
    ) throws(VaultError) -> String? {
        let box = try Self.box(sealed, field)
        let binding = Self.fieldBinding(customerID: customerID, context: context, field: field)
        guard let opened = dataKeys.withKey(of: customerID, { Self.open(box, $0, binding) }) else { return nil }
        return try Self.text(opened, field)
    }

    /// Whether ``openAtOnce(_:customerID:context:field:)`` would find the customer's data key in memory.
    public func holdsDataKey(of customerID: String) -> Bool { dataKeys.withKey(of: customerID) { _ in true } ?? false }

    /// What a sealed field is in bytes.
    private static func box(_ sealed: String, _ field: String) throws(VaultError) -> [UInt8] {
        guard let box = CanonicalBase64.decode(sealed), box.count > SealedBox.overheadBytes,
            box.count <= sealedBytesMax
        else { throw notAuthentic(field) }
        return box
    }

    /// The padded content; nil when it was not sealed for `binding` under this key.
    private static func open(_ box: [UInt8], _ key: UnsafePointer<UInt8>, _ binding: Binding) -> [UInt8]? {
        var content = [UInt8](repeating: 0, count: box.count - SealedBox.overheadBytes)
        let isAuthentic = SealedBox.open(box, into: &content, count: content.count, key: key, binding: binding)
        return isAuthentic ? content : nil
    }

    private static func text(_ opened: [UInt8]?, _ field: String) throws(VaultError) -> String {
        guard let text = opened.flatMap(FieldPadding.unpad).flatMap({ String(validating: $0, as: UTF8.self) })
        else { throw notAuthentic(field) }
        return text
    }

    private static let sealedBytesMax = fieldBytesMax + FieldPadding.blockBytes + SealedBox.overheadBytes

    static func fieldBinding(customerID: String, context: String, field: String) -> Binding {
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
        return try await thread.run { [customers] _ in
            guard let row = try customers.row(of: customerID) else {
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

/// A text that is to be sealed with a customer's data key.
public struct FieldToSeal: Sendable {
    let text: String
    let context: String
    let field: String

    /// - Parameters:
    ///   - context: what the field is part of, as the reader will know it.
    ///   - field: the member's name.
    public init(text: String, context: String, field: String) {
        self.text = text
        self.context = context
        self.field = field
    }
}

/// What goes into a field's box, and what the box is bound to.
struct PaddedField: Sendable {
    private let content: [UInt8]
    private let binding: Binding

    /// - Throws: ``VaultError/Code/invalidInput`` beyond ``Vault/fieldBytesMax``.
    init(_ field: FieldToSeal, of customerID: String) throws(VaultError) {
        guard field.text.utf8.count <= Vault.fieldBytesMax else {
            throw VaultError(.invalidInput, "a sealed field has at most \(Vault.fieldBytesMax) bytes.")
        }
        content = FieldPadding.pad(Array(field.text.utf8))
        binding = Vault.fieldBinding(customerID: customerID, context: field.context, field: field.field)
    }

    /// The box, sealed under the 32-byte `key`.
    func sealed(under key: UnsafePointer<UInt8>) -> [UInt8] {
        SealedBox.seal(content, count: content.count, key: key, binding: binding)
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
