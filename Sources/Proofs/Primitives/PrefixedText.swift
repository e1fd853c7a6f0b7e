import Merkle

/// Binary values that a proof writes as an encoding's name, a colon, and the one canonical spelling in it.
enum PrefixedText {
    /// The hash of `sha256:` and 64 lower-case hex characters; nil for anything else.
    static func hash(_ text: String) -> Hash? {
        withPayload(of: text, prefix: "sha256:") { Hash(hexCharacters: $0) }
    }

    /// The `count` bytes of `base64:` and their canonical base64; nil for anything else.
    static func base64(_ text: String, count: Int) -> [UInt8]? {
        withPayload(of: text, prefix: "base64:") { CanonicalBase64.decode($0, count: count) }
    }

    private static func withPayload<R>(
        of text: String, prefix: StaticString, _ read: (UnsafeBufferPointer<UInt8>) -> R?
    ) -> R? {
        var text = text
        return text.withUTF8 { bytes in
            let length = prefix.utf8CodeUnitCount
            guard bytes.count >= length else { return nil }
            for index in 0..<length where bytes[index] != prefix.utf8Start[index] { return nil }
            return read(UnsafeBufferPointer(rebasing: bytes[length...]))
        }
    }
}
