/// An e-mail address that a mail could be sent to: one `@`, something before it, a domain behind it (RFC 5321 lengths).
struct EmailAddress: Sendable {
    let text: String

    /// - Parameter raw: with or without spaces around it.
    init(_ raw: String) throws(APIError) {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") }
        let start = raw.utf8.firstIndex { !isSpace($0) } ?? raw.endIndex
        let end = raw.utf8.lastIndex { !isSpace($0) }.map { raw.utf8.index(after: $0) } ?? start
        let trimmed = raw[start..<end]
        let parts = trimmed.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard parts.count == 2, trimmed.utf8.count <= 254, Self.isLocalPart(Substring(parts[0])),
            Self.isDomain(Substring(parts[1]))
        else {
            throw APIError(
                .badRequest, "`email` must be a valid e-mail address, for example you@company.com.", field: "email")
        }
        text = String(trimmed)
    }

    /// Words of anything that may stand there unquoted, with single dots between.
    private static func isLocalPart(_ part: Substring) -> Bool {
        guard (1...64).contains(part.utf8.count) else { return false }
        var before: Unicode.Scalar = "."
        for scalar in part.unicodeScalars {
            guard isLocal(scalar), scalar != "." || before != "." else { return false }
            before = scalar
        }
        return true
    }

    private static func isLocal(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\"", "(", ")", ",", ":", ";", "<", ">", "[", "]", "\\": false
        default:
            scalar.value > 0x20 && scalar.value != 0x7F && (scalar.isASCII || !scalar.properties.isWhitespace)
        }
    }

    /// Two or more labels of letters, digits and inner hyphens.
    private static func isDomain(_ part: Substring) -> Bool {
        let labels = part.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                    && Substring(label).unicodeScalars.allSatisfy(isOfLabel)
            }
    }

    private static func isOfLabel(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "-": true
        default: !scalar.isASCII && scalar.properties.isAlphabetic
        }
    }
}
