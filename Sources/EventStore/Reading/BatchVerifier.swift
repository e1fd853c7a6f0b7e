import Glibc
public import Merkle

/// Checks batches in the order of the log: frame, line count, and the tree root recomputed from the stored bytes.
///
/// Owned by one thread at a time. Memory: one decompressed batch.
public final class BatchVerifier {
    /// The tree over everything verified so far.
    public private(set) var tree: CompactRange
    private let decoder: BatchDecoder

    init(tree: CompactRange = CompactRange()) throws(BatchDefect) {
        self.tree = tree
        decoder = try BatchDecoder()
    }

    /// Verifies the batch that begins at the start of `bytes`.
    ///
    /// - Parameter grown: filled with what the tree gained.
    /// - Returns: the header and the events' text, valid until the next call.
    /// - Throws: what is wrong; the tree is then as it was before.
    func verify(_ bytes: UnsafeRawBufferPointer, grown: inout TreeGrowth) throws(BatchDefect)
        -> (header: BatchHeader, text: UnsafeRawBufferPointer)
    {
        let header = try BatchHeader(bytes)
        let text = try decoder.body(of: header, in: bytes)
        guard header.firstSequence == tree.size else {
            throw .sequence(expected: tree.size, found: header.firstSequence)
        }
        var grownTree = tree
        var lines = LineIterator(text: text)
        var count: UInt32 = 0
        while let line = lines.next() {
            count += 1
            guard count <= header.eventCount else { throw .body("there are more lines than the header says") }
            grownTree.append(commitment: Hash(of: line), grown: &grown)
        }
        guard lines.isAtEnd, count == header.eventCount else {
            throw .body("the number of lines is not the header's event count")
        }
        let root = grownTree.root
        guard root == header.root else { throw .root(stored: header.root, computed: root) }
        tree = grownTree
        return (header, text)
    }
}

/// The lines of a batch's text, each without its newline.
public struct LineIterator: IteratorProtocol {
    private let text: UnsafeRawBufferPointer
    private var position = 0

    /// - Parameter text: memory that outlives the iteration.
    public init(text: UnsafeRawBufferPointer) { self.text = text }

    /// Whether everything was a whole line: false when bytes follow the last newline.
    public var isAtEnd: Bool { position == text.count }

    public mutating func next() -> UnsafeRawBufferPointer? {
        guard position < text.count, let base = text.baseAddress,
            let newline = memchr(base + position, 0x0A, text.count - position)
        else { return nil }
        let end = UnsafeRawPointer(newline) - base
        let line = UnsafeRawBufferPointer(rebasing: text[position..<end])
        position = end + 1
        return line
    }
}
