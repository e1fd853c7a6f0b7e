import Foundation
public import Merkle

/// The proof that one event is in a log, as a C2SP `tlog-proof` file: index, audit path and checkpoint.
public struct InclusionProof: Sendable, Equatable {
    static let firstLine = "c2sp.org/tlog-proof@v1"

    /// Sequence number of the event.
    public let index: UInt64
    /// Audit path, from the leaf upwards.
    public let path: [Hash]
    public let checkpoint: Checkpoint
    /// The `extra` line's bytes: the event's own line, from which the leaf is computed, where whoever made the proof gave
    /// it along. Nothing in it is to be believed before ``verify(line:key:)`` has passed with it.
    public let extra: [UInt8]?

    public init(index: UInt64, path: [Hash], checkpoint: Checkpoint, extra: [UInt8]? = nil) {
        self.extra = extra
        self.index = index
        self.path = path
        self.checkpoint = checkpoint
    }

    /// The `.tlog-proof` text.
    public var text: String {
        let hashes = path.map { Data($0.bytes).base64EncodedString() + "\n" }.joined()
        let extraLine = extra.map { "extra \(Data($0).base64EncodedString())\n" } ?? ""
        return "\(Self.firstLine)\n\(extraLine)index \(index)\n\(hashes)\n\(checkpoint.text)"
    }

    /// Reads a `.tlog-proof` strictly.
    public init(text: String) throws(NoteError) {
        guard let blank = text.range(of: "\n\n") else { throw .malformed("the proof holds no checkpoint") }
        var lines = text[..<blank.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)[...]
        guard lines.popFirst() == Self.firstLine else { throw .malformed("the first line is not \(Self.firstLine)") }
        extra = try Self.readExtra(from: &lines)
        guard let second = lines.popFirst(), second.hasPrefix("index "), let index = UInt64(second.dropFirst(6)),
            "index \(index)" == second
        else { throw .malformed("the line `index N` is missing") }
        guard lines.count <= 64 else { throw .malformed("there are more hashes than a tree can have") }
        var path: [Hash] = []
        for line in lines {
            guard let bytes = Data(base64Encoded: line), bytes.base64EncodedString() == line,
                let hash = Hash(bytes: bytes)
            else { throw .malformed("a hash is not 32 bytes of base64") }
            path.append(hash)
        }
        self.index = index
        self.path = path
        checkpoint = try Checkpoint(text: String(text[blank.upperBound...]))
    }

    private static func readExtra(from lines: inout ArraySlice<String>) throws(NoteError) -> [UInt8]? {
        guard let line = lines.first, line.hasPrefix("extra ") else { return nil }
        lines.removeFirst()
        guard let bytes = Data(base64Encoded: String(line.dropFirst(6))),
            "extra " + bytes.base64EncodedString() == line
        else { throw .malformed("the extra line is not base64") }
        return Array(bytes)
    }

    /// Checks that an event with this line is in the log that `key` signed.
    ///
    /// - Parameter line: the event's line, without the newline.
    public func verify(line: [UInt8], key: VerifierKey) throws(NoteError) {
        try verify(line: line, keys: LogKeyHistory(first: key))
    }

    /// Same, in a log whose key may have been rotated.
    public func verify(line: [UInt8], keys: LogKeyHistory) throws(NoteError) {
        try keys.verify(checkpoint)
        let leaf = TreeHasher.leaf(Hash(of: line))
        guard
            MerkleProof.verifyInclusion(
                of: leaf, at: index, size: checkpoint.head.size, root: checkpoint.head.root, path: path)
        else { throw .malformed("the audit path does not lead from this event to the checkpoint's root") }
    }
}
