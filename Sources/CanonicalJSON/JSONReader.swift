/// A strict reader of RFC 8259 JSON: one value, nothing around it but white space, no duplicate member names at any
/// depth, no lone surrogates, no byte order mark.
///
/// ```swift
/// let value = try JSONReader.read(bytes)
/// ```
///
/// Linear in the input (objects whose members come unsorted cost a sort). All of the text is checked at once; what is in an
/// object is taken out of it when it is asked for, since most readers of most texts want little of it.
public enum JSONReader {
    /// Which numbers are accepted.
    public enum Numbers: Sendable {
        /// `0|-?[1-9][0-9]{0,15}` within ±(2^53−1): what proofs and events may hold.
        case integers
        /// Any finite IEEE 754 double, as RFC 8785 has it; integral literals in range still read as integers.
        case ieee754
    }

    /// Deepest nesting accepted by default, in containers.
    public static let depthMax = 16

    /// Reads the one JSON value that `bytes` are.
    ///
    /// - Parameters:
    ///   - bytes: the whole text, UTF-8.
    ///   - numbers: which numbers to accept.
    ///   - depthMax: deepest nesting accepted, in containers.
    /// - Throws: ``JSONError`` with the byte offset of the first thing wrong.
    public static func read(
        _ bytes: [UInt8], numbers: Numbers = .integers, depthMax: Int = Self.depthMax
    ) throws(JSONError) -> JSONValue {
        try bytes.withTypedBuffer { (buffer) throws(JSONError) in
            try read(buffer, numbers: numbers, depthMax: depthMax)
        }
    }

    /// Same, over memory that the caller keeps alive for the length of the call.
    public static func read(
        _ bytes: UnsafeBufferPointer<UInt8>, numbers: Numbers = .integers, depthMax: Int = Self.depthMax
    ) throws(JSONError) -> JSONValue {
        var scanner = JSONScanner(bytes: bytes, numbers: numbers, depthMax: depthMax)
        try scanner.readDocument()
        let source = JSONSource(text: bytes, nodes: scanner.takenNodes())
        return withExtendedLifetime(source) { source.view(of: 0).value }
    }

    /// Same, and whether the input is byte for byte the canonical form (RFC 8785) of what it says. Integers only.
    ///
    /// Costs nothing beside reading: what canonical form leaves open is white space, the order of members, and escapes.
    package static func readNotingForm(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(JSONError) -> (value: JSONValue, isCanonical: Bool) {
        try withKeptView(of: bytes) { ($0.value, $1) }
    }

    /// Reads a text of which something will be kept: objects that are taken out of the view outlive it. Integers only.
    ///
    /// - Parameter body: shown the value, and whether the text is byte for byte its canonical form.
    package static func withKeptView<R>(
        of bytes: UnsafeBufferPointer<UInt8>, _ body: (JSONView, _ isCanonical: Bool) -> R
    ) throws(JSONError) -> R {
        var scanner = JSONScanner(bytes: bytes, numbers: .integers, depthMax: depthMax)
        try scanner.readDocument()
        let isCanonical = scanner.deviations == 0
        let source = JSONSource(text: bytes, nodes: scanner.takenNodes())
        return withExtendedLifetime(source) { body(source.view(of: 0), isCanonical) }
    }

    /// Reads a text that is only looked at: nothing of it is copied.
    package static func withView<R>(
        of bytes: UnsafeBufferPointer<UInt8>, numbers: Numbers = .integers, depthMax: Int = Self.depthMax,
        _ body: (JSONView) -> R
    ) throws(JSONError) -> R {
        var scanner = JSONScanner(bytes: bytes, numbers: numbers, depthMax: depthMax)
        try scanner.readDocument()
        guard let text = bytes.baseAddress else { throw JSONError(.unexpectedEnd, at: 0) }
        return body(JSONView(nodes: scanner.nodes.base, text: text, index: 0, source: nil))
    }
}
