/// A text that was read strictly, and the nodes of its values: what the objects read from it have in common.
///
/// Sendable although it holds pointers: the memory belongs to this object alone, is filled in `init`, and never written
/// to afterwards.
final class JSONSource: @unchecked Sendable {
    private let nodeMemory: UnsafeMutablePointer<JSONNode>
    private let textMemory: UnsafeMutablePointer<UInt8>
    var nodes: UnsafePointer<JSONNode> { UnsafePointer(nodeMemory) }
    var text: UnsafePointer<UInt8> { UnsafePointer(textMemory) }

    /// Copies the text, and takes the nodes over.
    init(text: UnsafeBufferPointer<UInt8>, nodes: consuming JSONNodes) {
        nodeMemory = nodes.taken()
        textMemory = .allocate(capacity: text.count)
        if let start = text.baseAddress { textMemory.initialize(from: start, count: text.count) }
    }

    deinit {
        nodeMemory.deallocate()
        textMemory.deallocate()
    }

    /// The value of a node; valid as long as this object.
    func view(of node: UInt32) -> JSONView { JSONView(nodes: nodes, text: text, index: Int(node), source: self) }
}
