/// A draft's line with a gap where the sequence number goes, made by the caller so that the one writer thread only
/// copies bytes.
struct EncodedEvent: Sendable {
    /// The line without its sequence number.
    let bytes: [UInt8]
    /// Where in `bytes` the number goes.
    let gap: Int

    init(_ draft: EventDraft) {
        (bytes, gap) = draft.lineWithoutSequence()
    }

    /// Appends the line at `sequence`, without a newline.
    func write(at sequence: UInt64, to text: inout [UInt8]) {
        text.append(contentsOf: bytes[..<gap])
        appendDecimal(sequence, to: &text)
        text.append(contentsOf: bytes[gap...])
    }

    private func appendDecimal(_ number: UInt64, to text: inout [UInt8]) {
        let start = text.count
        var rest = number
        repeat {
            text.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        text[start...].reverse()
    }
}
