import EventStore

/// Prints events as the log holds them: JSON lines, byte for byte.
public struct EventExport: Sendable {
    public var selection: EventSelection

    public init(_ selection: EventSelection) { self.selection = selection }

    /// Verifies the whole log in `directory` and hands the chosen lines over in order, each with its newline.
    ///
    /// - Returns: how many, and what is wrong with the log (what precedes the damage was handed over).
    /// - Throws: ``AuditorError`` when the log cannot be read, and what `write` throws.
    public func run(
        _ directory: String, progress: (ScanProgress) -> Void = { _ in },
        write: ([UInt8]) throws(AuditorError) -> Void
    ) throws(AuditorError) -> (events: Int, defect: String?) {
        var count = 0
        let defect = try LogScanner(directory: directory).select(selection, progress: progress) {
            (line) throws(AuditorError) in
            count += 1
            try write(line.bytes + [UInt8(ascii: "\n")])
        }
        return (count, defect)
    }
}
