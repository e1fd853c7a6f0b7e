import Foundation

/// A password as it is hashed: Unicode NFC (RFC 8265 §4.2), every byte of it, nothing trimmed or cut.
///
/// Describes itself by nothing, so that it cannot slip into a log.
struct Password: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Fewest characters, counted as Unicode scalars after NFC (NIST SP 800-63B §5.1.1.2).
    static let charactersMin = 8
    /// Most bytes of UTF-8 after NFC.
    static let bytesMax = 1_024

    let bytes: [UInt8]

    /// - Parameter field: the member of the request that holds it.
    /// - Throws: `badRequest` saying what a password must be.
    init(_ text: String, field: String = "password") throws(APIError) {
        let normalised = text.precomposedStringWithCanonicalMapping
        guard normalised.unicodeScalars.count >= Self.charactersMin else {
            throw APIError(
                .badRequest, "`\(field)` must have at least \(Self.charactersMin) characters. Choose a longer one.",
                field: field)
        }
        guard normalised.utf8.count <= Self.bytesMax else {
            throw APIError(
                .badRequest, "`\(field)` must have at most \(Self.bytesMax) bytes. Choose a shorter one.", field: field)
        }
        bytes = Array(normalised.utf8)
    }

    /// One that is only to be compared: what cannot be anybody's password becomes one that is nobody's.
    init(presented text: String) {
        let normalised = Array(text.precomposedStringWithCanonicalMapping.utf8)
        bytes = normalised.count <= Self.bytesMax ? normalised : []
    }

    var description: String { "(password)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
