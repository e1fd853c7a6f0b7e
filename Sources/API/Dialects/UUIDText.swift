import Ledger

extension Identifier {
    /// The same 128 bits as a UUID in text (RFC 9562 §4), for dialects that show ids so.
    var uuidText: String {
        let digits = Array(text.utf8.suffix(32))
        var output: [UInt8] = []
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { output.append(UInt8(ascii: "-")) }
            output.append(digit)
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Reads ``uuidText``, in either case; nil for anything else.
    static func uuid(_ text: String) -> Self? {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [8, 4, 4, 4, 12] else { return nil }
        let digits = String(decoding: parts.joined(), as: UTF8.self).lowercased()
        return Self(Entity.identifierPrefix + digits)
    }
}
