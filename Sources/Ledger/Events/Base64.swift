import Proofs

/// The form of base64 text (RFC 4648 §4), checked without decoding it.
enum Base64 {
    /// Whether `text` is base64 with padding, not empty, in the one form that encoding its bytes again gives.
    static func isCanonical(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { CanonicalBase64.isCanonical($0) }
    }
}
