extension String {
    /// Byte equality. Swift's `==` would also equate NFC with NFD forms.
    package func hasSameBytes(as other: String) -> Bool {
        withBytes { left in
            other.withBytes { right in
                guard left.count == right.count else { return false }
                var index = 0
                while index < left.count, left[index] == right[index] { index += 1 }
                return index == left.count
            }
        }
    }

    /// Same, with a text of the program.
    func hasSameBytes(as other: StaticString) -> Bool {
        withBytes { $0.hasSameBytes(as: UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount)) }
    }

    /// The order of RFC 8785 §3.2.3: by UTF-16 code units.
    package func precedesInUTF16(_ other: String) -> Bool {
        withBytes { left in
            other.withBytes { right in UTF16Order.precedes(left, right) }
        }
    }

    /// Lends the UTF-8 bytes; native strings have them at hand, others are copied.
    func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = self
        return copy.withUTF8(body)
    }
}

/// The order of UTF-16 code units, read off valid UTF-8.
enum UTF16Order {
    /// Whether the text `left` sorts before the text `right`.
    ///
    /// UTF-8 sorts as the scalars do. UTF-16 differs in one place: scalars beyond U+FFFF (lead bytes F0 and up) are
    /// written with surrogates D800–DFFF and so sort before U+E000–U+FFFF (lead bytes EE and EF).
    static func precedes(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        let shared = min(left.count, right.count)
        var index = 0
        while index < shared, left[index] == right[index] { index += 1 }
        guard index < shared else { return left.count < right.count }
        let (a, b) = (left[index], right[index])
        // The first bytes that differ are both lead bytes or both continuation bytes, since all before are equal.
        if a >= 0xEE, b >= 0xEE, (a >= 0xF0) != (b >= 0xF0) { return a >= 0xF0 }
        return a < b
    }
}
