import CanonicalJSON
import Foundation
import Merkle
import Testing

@testable import EventStore

/// Rewrites a log as somebody with all the tools would: every checksum, count and root is right again afterwards.
enum Forgery {
    /// The log's lines, batch by batch.
    static func batches(in directory: String) throws -> [[[UInt8]]] {
        var batches: [[[UInt8]]] = []
        _ = try LogScanner(directory: directory).scan { batch in
            var lines: [[UInt8]] = []
            var iterator = LineIterator(text: batch.text)
            while let line = iterator.next() { lines.append(Array(line)) }
            batches.append(lines)
        }
        return batches
    }

    /// Replaces the log's segments by one that holds `batches`.
    static func write(_ batches: [[[UInt8]]], to directory: TemporaryDirectory) throws {
        for name in try LogScanner(directory: directory.path).segments().map(\.name) {
            try POSIXFileSystem().remove(directory.file(name))
        }
        try directory.write(try segment(of: batches), to: SegmentName.of(firstSequence: 0))
    }

    /// Edits the log in place: `edit` gets its batches of lines.
    static func edit(_ log: TestLog, _ edit: (inout [[[UInt8]]]) throws -> Void) throws {
        var batches = try batches(in: log.path)
        try edit(&batches)
        try write(batches, to: log.directory)
    }

    /// Replaces `old` by `new`, of the same length or not, in the one line that holds it.
    static func replace(_ old: String, by new: String, in batches: inout [[[UInt8]]]) throws {
        for batch in batches.indices {
            for line in batches[batch].indices {
                let text = String(decoding: batches[batch][line], as: UTF8.self)
                guard text.contains(old) else { continue }
                batches[batch][line] = Array(text.replacing(old, with: new, maxReplacements: 1).utf8)
                return
            }
        }
        Issue.record("no line holds \(old)")
    }

    /// Rewrites the lines of one batch in its place: its checksums are right again, its root is left as it was.
    static func replaceBatch(at offset: Int, in file: String, _ edit: ([[UInt8]]) -> [[UInt8]]) throws {
        let bytes = Array(try Data(contentsOf: URL(filePath: file)))
        var header = try BatchHeader(bytes: Array(bytes[offset...]))
        let end = offset + header.batchBytes
        let text = try bytes.withUnsafeBytes { buffer in
            Array(try BatchDecoder().body(of: header, in: UnsafeRawBufferPointer(rebasing: buffer[offset...])))
        }
        let lines = edit(text.split(separator: 0x0A).map(Array.init))
        let edited = Array(lines.map { $0 + [0x0A] }.joined())
        #expect(edited != text, "nothing was edited")
        var frame: [UInt8] = []
        header.frameBytes = UInt32(try edited.withUnsafeBytes { try LZ4Frame.compress($0, appendingTo: &frame) })
        header.textBytes = UInt32(edited.count)
        let batch = header.encoded() + [UInt8](repeating: 0, count: header.paddingBytes) + frame
        try Data(bytes[..<offset] + batch + bytes[end...]).write(to: URL(filePath: file))
    }

    private static func segment(of batches: [[[UInt8]]]) throws -> [UInt8] {
        var tree = CompactRange()
        var bytes: [UInt8] = []
        for lines in batches where !lines.isEmpty {
            let first = tree.size
            for line in lines { tree.append(TreeHasher.leaf(Hash(of: line))) }
            let text = Array(lines.map { $0 + [0x0A] }.joined())
            var frame: [UInt8] = []
            let frameBytes = try text.withUnsafeBytes { try LZ4Frame.compress($0, appendingTo: &frame) }
            let header = BatchHeader(
                firstSequence: first, eventCount: UInt32(lines.count), textBytes: UInt32(text.count),
                frameBytes: UInt32(frameBytes), isRecompressed: false, committedAt: Timestamp(microseconds: 0),
                treeSize: tree.size, root: tree.root)
            bytes += header.encoded() + [UInt8](repeating: 0, count: header.paddingBytes) + frame
        }
        return bytes
    }

    /// Signs the log as it is now with the key of `signer`.
    static func sign(_ log: TestLog, with signer: TestSigner) throws {
        let scan = try LogScanner(directory: log.path).scan { _ in }
        let checkpoint = try Checkpoint(
            origin: signer.verifierKey.name, head: TreeHead(size: scan.tree.size, root: scan.tree.root), signer: signer)
        try log.directory.write(Array(checkpoint.text.utf8), to: "checkpoint")
    }
}
