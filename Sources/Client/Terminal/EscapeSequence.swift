/// What somebody types to leave a terminal that answers no more: Enter, `~` and `.`, as with ssh. `~~` there is one `~`.
struct EscapeSequence: Sendable {
    private enum Place { case atLineStart, inLine, behindTilde }

    private var place = Place.atLineStart

    /// What goes on to the terminal, and whether whoever typed it leaves; what follows the sequence is not looked at.
    mutating func pass(_ bytes: [UInt8]) -> (bytes: [UInt8], leaves: Bool) {
        var passed: [UInt8] = []
        for byte in bytes {
            switch (place, byte) {
            case (.behindTilde, UInt8(ascii: ".")): return (passed, true)
            case (.behindTilde, UInt8(ascii: "~")): passed.append(byte)
            case (.behindTilde, _): passed += [UInt8(ascii: "~"), byte]
            case (.atLineStart, UInt8(ascii: "~")): break
            default: passed.append(byte)
            }
            place =
                switch (place, byte) {
                case (_, UInt8(ascii: "\r")), (_, UInt8(ascii: "\n")): .atLineStart
                case (.atLineStart, UInt8(ascii: "~")): .behindTilde
                default: .inLine
                }
        }
        return (passed, false)
    }
}
