/// A text that was read strictly, and the nodes of its values: what the objects read from it have in common.
///
/// Sendable although it holds pointers: the memory belongs to this object alone, is filled in `init`, and never written
/// to afterwards.
final class JSONSource: @unchecked Sendable {
    let nodes: UnsafePointer<JSONNode>
    /// Behind the nodes, in the same memory.
    let text: UnsafePointer<UInt8>

    /// Copies the text, and takes the nodes over.
    init(text: UnsafeBufferPointer<UInt8>, nodes: consuming JSONNodes) {
        let taken = nodes.taken(with: text)
        self.nodes = UnsafePointer(taken.nodes)
        self.text = taken.text
    }

    deinit { UnsafeRawPointer(nodes).deallocate() }

    /// The value of a node; valid as long as this object.
    func view(of node: UInt32) -> JSONView { JSONView(nodes: nodes, text: text, index: Int(node), source: self) }
}
