import CanonicalJSON
import Merkle

/// What a backup knows of the segments that it holds, kept beside them as `backup.json`, so that the next run reads
/// only what is new.
///
/// Derived: without it, or where it does not fit the files, the copy is read and hashed again.
struct BackupRecord: Sendable {
    static let name = "backup.json"
    static let format: Int64 = 1

    /// A segment that was copied and verified.
    struct Segment: Sendable {
        let name: String
        let firstSequence: UInt64
        /// Length of the copy.
        let bytes: Int
        /// Where its last batch begins, in bytes.
        let lastBatchOffset: Int
        /// The tree over everything up to its end.
        let tree: CompactRange
    }

    var segments: [Segment] = []

    /// The tree over everything that the backup holds.
    var tree: CompactRange { segments.last?.tree ?? CompactRange() }

    /// The file's text, one line of canonical JSON.
    var text: String {
        let list = segments.map { segment -> JSONValue in
            [
                "name": .string(segment.name), "bytes": .integer(Int64(segment.bytes)),
                "last_batch_offset": .integer(Int64(segment.lastBatchOffset)),
                "tree_size": .integer(Int64(segment.tree.size)),
                "tree_nodes": .array(segment.tree.nodes.map { .string($0.hex) }),
            ]
        }
        let document: JSONValue = ["format": .integer(Self.format), "segments": .array(list)]
        return document.canonicalText + "\n"
    }

    init() {}

    /// Reads a record; what cannot be read is as good as not there.
    init(text: [UInt8]) {
        // Derived data: a damaged record only costs reading the copy again.
        guard let document = try? JSONReader.read(text), document["format"]?.integer == Self.format,
            let list = document["segments"]?.array
        else { return }
        for entry in list {
            guard let name = entry["name"]?.string, let first = SegmentName.firstSequence(of: name),
                let bytes = entry["bytes"]?.integer, let offset = entry["last_batch_offset"]?.integer, offset >= 0,
                bytes >= BatchHeader.byteCount, offset <= bytes - Int64(BatchHeader.byteCount),
                let size = entry["tree_size"]?.integer, size > 0,
                first == tree.size,
                let nodes = entry["tree_nodes"]?.array?.compactMap({ $0.string.flatMap(Hash.init(hex:)) }),
                let tree = CompactRange(size: UInt64(size), nodes: nodes)
            else { return }
            segments.append(
                Segment(
                    name: name, firstSequence: first, bytes: Int(bytes), lastBatchOffset: Int(offset), tree: tree))
        }
    }
}
