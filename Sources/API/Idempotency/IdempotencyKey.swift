/// The `Idempotency-Key` of a request (draft-ietf-httpapi-idempotency-key-header-07): any text that its sender makes up
/// once for one thing to be done, for example a random UUID.
struct IdempotencyKey: Sendable {
    static let bytesMax = 255
    /// Whoever knows the key can read the answer. Where that holds a secret, the key must be too long to be guessed: a
    /// random UUID has 36 characters, or 32 without its hyphens.
    static let secretBytesMin = 32

    let text: String

    /// - Parameter opensSecret: whether the answer it opens holds a secret.
    /// - Throws: `badRequest` saying what a key must look like.
    init(_ header: String, opensSecret: Bool) throws(APIError) {
        guard (1...Self.bytesMax).contains(header.utf8.count), header.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw APIError(
                .badRequest,
                "`Idempotency-Key` must have 1 to \(Self.bytesMax) visible ASCII characters, for example a random UUID."
            )
        }
        guard !opensSecret || header.utf8.count >= Self.secretBytesMin else {
            throw APIError(
                .badRequest,
                "`Idempotency-Key` must have at least \(Self.secretBytesMin) characters here, because it opens an answer "
                    + "with a secret. Use a random UUID.")
        }
        text = header
    }
}

/// What a route does about an `Idempotency-Key`.
enum IdempotencyRule: Sendable {
    /// The first answer is kept in the log, sealed under the idempotency key.
    case remembered
    /// The same, and the answer holds a secret, so the key must not be guessable.
    case rememberedSecret
    /// The answer is content of a session: it is kept in memory, sealed under the session's key, and gone with it.
    case rememberedInSession
    /// Nothing is created, or a repeat is harmless by itself.
    case notNeeded
}
