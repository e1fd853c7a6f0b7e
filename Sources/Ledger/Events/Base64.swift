/// The form of base64 text (RFC 4648 §4), checked without decoding it.
enum Base64 {
    /// Whether `text` is base64 with padding, not empty, in the one form that encoding its bytes again gives.
    static func isCanonical(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { isCanonical($0) }
    }

    /// Whether `text` is that, as bytes.
    static func isCanonical(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard !text.isEmpty, text.count.isMultiple(of: 4) else { return false }
        var padding = 0
        var lastDigit: UInt8 = 0
        for character in text {
            if character == UInt8(ascii: "=") {
                padding += 1
            } else if padding > 0 {
                return false
            } else if let digit = digit(character) {
                lastDigit = digit
            } else {
                return false
            }
        }
        switch padding {
        case 0: return true
        case 1: return lastDigit & 0b11 == 0
        case 2: return lastDigit & 0b1111 == 0
        default: return false
        }
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
