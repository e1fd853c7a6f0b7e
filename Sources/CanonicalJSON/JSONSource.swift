/// A text that was read strictly, and the nodes of its values: what the objects read from it have in common.
///
/// Sendable although it holds pointers: the memory belongs to this object alone, is filled in `init`, and never written
/// to afterwards.
final class JSONSource: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer
    let nodes: UnsafePointer<JSONNode>
    let text: UnsafePointer<UInt8>

    /// Copies both, into one piece of memory.
    init(text: UnsafeBufferPointer<UInt8>, nodes: borrowing JSONNodes) {
        let nodeBytes = nodes.count * MemoryLayout<JSONNode>.stride
        memory = .allocate(byteCount: nodeBytes + text.count, alignment: MemoryLayout<JSONNode>.alignment)
        memory.copyMemory(from: nodes.base, byteCount: nodeBytes)
        if let start = text.baseAddress { (memory + nodeBytes).copyMemory(from: start, byteCount: text.count) }
        self.nodes = UnsafePointer(memory.bindMemory(to: JSONNode.self, capacity: nodes.count))
        self.text = UnsafePointer((memory + nodeBytes).bindMemory(to: UInt8.self, capacity: text.count))
    }

    deinit { memory.deallocate() }

    /// The value of a node; valid as long as this object.
    func view(of node: UInt32) -> JSONView { JSONView(nodes: nodes, text: text, index: Int(node), source: self) }
}
