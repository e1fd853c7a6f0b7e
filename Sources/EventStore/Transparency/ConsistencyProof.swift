import Foundation
public import Merkle

/// The proof that the log of a checkpoint extends an older tree of it, in the form in which C2SP `tlog-witness` sends it
/// to witnesses (the body of `add-checkpoint`): old size, hashes, a blank line, the newer checkpoint.
///
/// ```
/// old 20852014
/// PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
///
/// ledger.example/log
/// 20852163
/// …
/// ```
public struct ConsistencyProof: Sendable, Equatable {
    /// Most hashes that a proof has (C2SP `tlog-witness`).
    static let hashesMax = 63

    /// Size of the older tree, in events.
    public let oldSize: UInt64
    /// RFC 6962 §2.1.2.
    public let path: [Hash]
    /// Of the newer tree.
    public let checkpoint: Checkpoint

    public init(oldSize: UInt64, path: [Hash], checkpoint: Checkpoint) {
        self.oldSize = oldSize
        self.path = path
        self.checkpoint = checkpoint
    }

    /// The whole text.
    public var text: String {
        let hashes = path.map { Data($0.bytes).base64EncodedString() + "\n" }.joined()
        return "old \(oldSize)\n\(hashes)\n\(checkpoint.text)"
    }

    /// Reads the text strictly. Nothing is verified here.
    public init(text: String) throws(NoteError) {
        guard let blank = text.range(of: "\n\n") else { throw .malformed("the proof holds no checkpoint") }
        var lines = text[..<blank.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)[...]
        guard let first = lines.popFirst(), first.hasPrefix("old "), let oldSize = UInt64(first.dropFirst(4)),
            "old \(oldSize)" == first
        else { throw .malformed("the line `old N` is missing") }
        guard lines.count <= Self.hashesMax else { throw .malformed("there are more hashes than a proof can have") }
        var path: [Hash] = []
        for line in lines {
            guard let bytes = Data(base64Encoded: line), bytes.base64EncodedString() == line,
                let hash = Hash(bytes: bytes)
            else { throw .malformed("a hash is not 32 bytes of base64") }
            path.append(hash)
        }
        self.oldSize = oldSize
        self.path = path
        checkpoint = try Checkpoint(text: String(text[blank.upperBound...]))
    }

    /// Whether the checkpoint's tree extends `old`. No signature is verified here.
    public func proves(extensionOf old: TreeHead) -> Bool {
        old.size == oldSize
            && MerkleProof.verifyConsistency(
                from: old.size, root: old.root, to: checkpoint.head.size, root: checkpoint.head.root, path: path)
    }
}
