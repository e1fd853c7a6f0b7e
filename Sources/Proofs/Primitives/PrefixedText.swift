import Merkle

/// Binary values that a proof writes as an encoding's name, a colon, and the one canonical spelling in it.
enum PrefixedText {
    /// The hash of `sha256:` and 64 lower-case hex characters, as UTF-8; nil for anything else.
    static func hash(_ text: UnsafeBufferPointer<UInt8>) -> Hash? {
        payload(of: text, prefix: "sha256:").flatMap { Hash(hexCharacters: $0) }
    }

    /// The `count` bytes of `base64:` and their canonical base64, as UTF-8; nil for anything else.
    static func base64(_ text: UnsafeBufferPointer<UInt8>, count: Int) -> [UInt8]? {
        payload(of: text, prefix: "base64:").flatMap { CanonicalBase64.decode($0, count: count) }
    }

    private static func payload(
        of text: UnsafeBufferPointer<UInt8>, prefix: StaticString
    ) -> UnsafeBufferPointer<UInt8>? {
        let length = prefix.utf8CodeUnitCount
        guard text.count >= length else { return nil }
        for index in 0..<length where text[index] != prefix.utf8Start[index] { return nil }
        return UnsafeBufferPointer(rebasing: text[length...])
    }
}
