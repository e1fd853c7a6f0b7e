/// One value of a text that was read strictly, and where it stands there.
///
/// Nodes follow each other as the values do in the text: after an object's node come its members, each a name and a value;
/// after an array's its elements. So reading a text allocates nothing but a run of these, and what nobody asks for is
/// never made.
struct JSONNode {
    enum Kind: UInt8 {
        case null, `true`, `false`, integer, double, string, array, object
    }

    /// Where the value begins, in bytes from the start of the text; a string's is its opening quote.
    let start: UInt32
    /// Where it ends.
    var end: UInt32 = 0
    /// The node after this value and everything in it.
    var next: UInt32 = 0
    let kind: Kind
    /// Of a string: no escape in it. Of an array or object: its bytes are its canonical form.
    var isPlain = true
    /// Of an object: its members stand in canonical order.
    var isOrdered = true
}

/// A growing run of nodes.
struct JSONNodes: ~Copyable {
    /// Bytes of text for which room for one node is made at first; a destruction proof has about fifteen.
    private static let textBytesPerNode = 12

    // Owned by this value alone: allocated in `init` and `grow`, freed in `grow` and `deinit`, lent out for reading only.
    // Allocated raw, since the text may follow the nodes.
    private(set) var base: UnsafeMutablePointer<JSONNode>
    private var capacity: Int
    private(set) var count = 0
    /// Bytes behind the nodes, where the text can be kept.
    private let textBytes: Int

    /// - Parameter textBytes: length of the text to be read, which says about how many nodes there will be.
    init(textBytes: Int) {
        self.textBytes = textBytes
        capacity = textBytes / Self.textBytesPerNode + 8
        base = Self.allocate(capacity, textBytes: textBytes)
    }

    private static func allocate(_ capacity: Int, textBytes: Int) -> UnsafeMutablePointer<JSONNode> {
        UnsafeMutableRawPointer.allocate(
            byteCount: capacity * MemoryLayout<JSONNode>.stride + textBytes,
            alignment: MemoryLayout<JSONNode>.alignment
        ).bindMemory(to: JSONNode.self, capacity: capacity)
    }

    deinit { UnsafeMutableRawPointer(base).deallocate() }

    /// Adds a value that has no others in it.
    mutating func append(_ kind: JSONNode.Kind, from start: Int, to end: Int, isPlain: Bool = true) {
        if count == capacity { grow() }
        (base + count).initialize(
            to: JSONNode(
                start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
                next: UInt32(truncatingIfNeeded: count + 1), kind: kind, isPlain: isPlain))
        count += 1
    }

    /// Adds a value that begins at `start`; its end is noted by ``close(_:at:isPlain:)``.
    ///
    /// - Returns: the node's index.
    mutating func open(_ kind: JSONNode.Kind, at start: Int) -> Int {
        if count == capacity { grow() }
        (base + count).initialize(to: JSONNode(start: UInt32(truncatingIfNeeded: start), kind: kind))
        count += 1
        return count - 1
    }

    /// Notes where a value ends, now that everything in it was added.
    mutating func close(_ index: Int, at end: Int, isPlain: Bool = true) {
        base[index].end = UInt32(truncatingIfNeeded: end)
        base[index].next = UInt32(truncatingIfNeeded: count)
        base[index].isPlain = isPlain
    }

    /// Hands the nodes over, with a copy of the text behind them in the same memory; whoever takes it frees it.
    ///
    /// - Parameter text: of the length that room was made for.
    consuming func taken(
        with text: UnsafeBufferPointer<UInt8>
    ) -> (nodes: UnsafeMutablePointer<JSONNode>, text: UnsafePointer<UInt8>) {
        precondition(text.count == textBytes, "room was made for another text")
        let nodes = base
        let copy = UnsafeMutableRawPointer(nodes + capacity).bindMemory(to: UInt8.self, capacity: textBytes)
        if let start = text.baseAddress { copy.initialize(from: start, count: textBytes) }
        discard self
        return (nodes, UnsafePointer(copy))
    }

    mutating func noteDisorder(of index: Int) { base[index].isOrdered = false }

    private mutating func grow() {
        let moved = Self.allocate(capacity * 2, textBytes: textBytes)
        moved.moveInitialize(from: base, count: count)
        UnsafeMutableRawPointer(base).deallocate()
        (base, capacity) = (moved, capacity * 2)
    }
}
