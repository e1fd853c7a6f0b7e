/// `00000000000000183211.jsonl.lz4`: a segment is named by the sequence number of its first event.
enum SegmentName {
    static let suffix = ".jsonl.lz4"
    private static let digits = 20

    static func of(firstSequence: UInt64) -> String {
        let number = String(firstSequence)
        return String(repeating: "0", count: digits - number.count) + number + suffix
    }

    /// The first sequence that `name` says; nil when it is not a segment's name.
    static func firstSequence(of name: String) -> UInt64? {
        guard name.hasSuffix(suffix) else { return nil }
        let number = name.dropLast(suffix.count)
        guard number.utf8.count == digits, number.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        return UInt64(number)
    }
}
