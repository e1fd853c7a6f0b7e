import CLinux
public import Merkle

/// The 128 bytes before each batch: an LZ4 skippable frame that stock tools pass over (docs/log-format.md).
public struct BatchHeader: Sendable, Equatable {
    /// Length of the header, and the alignment of batches, in bytes.
    public static let byteCount = 128
    static let magic: UInt32 = 0x184D_2A50
    static let signature: StaticString = "nrxlog1\n"
    static let checksumOffset = 124
    /// Flag bit 0: this batch was recompressed.
    static let recompressedFlag: UInt32 = 1

    /// Sequence of the first event.
    public var firstSequence: UInt64
    /// Number of events, at least 1.
    public var eventCount: UInt32
    /// Bytes of events before compression, newlines included.
    public var textBytes: UInt32
    /// Bytes of the LZ4 frame.
    public var frameBytes: UInt32
    /// Whether the batch was written by recompression of a sealed segment.
    public var isRecompressed: Bool
    /// Microseconds since 1970; informative, nothing is derived from it.
    public var committedAt: Timestamp
    /// Number of events in the log after this batch.
    public var treeSize: UInt64
    /// RFC 6962 root over all of them.
    public var root: Hash

    /// Zero bytes between header and frame, so that the whole batch is a multiple of 128.
    var paddingBytes: Int { (Self.byteCount - Int(frameBytes) % Self.byteCount) % Self.byteCount }
    /// Length of the whole batch in bytes.
    var batchBytes: Int { Self.byteCount + paddingBytes + Int(frameBytes) }

    /// Bytes that the batch takes in its segment, this header and the padding included.
    public var storedBytes: Int { batchBytes }

    /// The events of this batch.
    public var sequences: ClosedRange<UInt64> { firstSequence...(treeSize - 1) }

    func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount)
        bytes.withUnsafeMutableBytes { buffer in
            buffer.store(Self.magic, at: 0)
            buffer.store(UInt32(Self.byteCount - 8 + paddingBytes), at: 4)
            for index in 0..<8 { buffer[8 + index] = Self.signature.utf8Start[index] }
            buffer.store(firstSequence, at: 16)
            buffer.store(eventCount, at: 24)
            buffer.store(textBytes, at: 28)
            buffer.store(frameBytes, at: 32)
            buffer.store(isRecompressed ? Self.recompressedFlag : 0, at: 36)
            buffer.store(UInt64(bitPattern: committedAt.microseconds), at: 40)
            buffer.store(treeSize, at: 48)
            root.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[56..<88]).copyMemory(from: $0) }
            buffer.store(nrx_crc32c(buffer.baseAddress, Self.checksumOffset), at: Self.checksumOffset)
        }
        return bytes
    }

}

extension BatchHeader {
    /// Reads a header and checks everything that can be checked without the frame.
    init(_ bytes: UnsafeRawBufferPointer) throws(BatchDefect) {
        guard bytes.count >= Self.byteCount else { throw .header("fewer than 128 bytes are left") }
        guard bytes.load(UInt32.self, at: 0) == Self.magic else { throw .header("no batch begins here") }
        for index in 0..<8 where bytes[8 + index] != Self.signature.utf8Start[index] {
            throw .header("the format signature is missing")
        }
        guard nrx_crc32c(bytes.baseAddress, Self.checksumOffset) == bytes.load(UInt32.self, at: Self.checksumOffset)
        else { throw .header("the header's checksum is wrong") }
        guard let root = Hash(bytes: bytes[56..<88]) else { throw .header("the root is missing") }
        let flags: UInt32 = bytes.load(at: 36)
        self.init(
            firstSequence: bytes.load(at: 16), eventCount: bytes.load(at: 24), textBytes: bytes.load(at: 28),
            frameBytes: bytes.load(at: 32), isRecompressed: flags & Self.recompressedFlag != 0,
            committedAt: Timestamp(microseconds: Int64(bitPattern: bytes.load(at: 40))), treeSize: bytes.load(at: 48),
            root: root)
        let rest = bytes[88..<Self.checksumOffset]
        guard flags & ~Self.recompressedFlag == 0, rest.allSatisfy({ $0 == 0 }) else {
            throw .header("the header uses bits that format 1 does not have")
        }
        let (end, overflow) = firstSequence.addingReportingOverflow(UInt64(eventCount))
        guard !overflow, eventCount > 0, end == treeSize else {
            throw .header("the event count and tree size disagree")
        }
        guard bytes.load(UInt32.self, at: 4) == UInt32(Self.byteCount - 8 + paddingBytes) else {
            throw .header("the frame's size and the padding disagree")
        }
    }
}

/// The zeros ahead of the writer, wrapped in an LZ4 skippable frame so that the file stays a valid LZ4 stream.
enum Filler {
    static let magic: UInt32 = 0x184D_2A5F
    static let headerBytes = 8

    /// The header of a filler that covers `length` bytes, itself included.
    static func header(covering length: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: headerBytes)
        bytes.withUnsafeMutableBytes { buffer in
            buffer.store(magic, at: 0)
            buffer.store(UInt32(length - headerBytes), at: 4)
        }
        return bytes
    }

    /// Whether `bytes` begin with a filler header that reaches exactly their end.
    static func isExact(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= headerBytes && bytes.load(UInt32.self, at: 0) == magic
            && Int(bytes.load(UInt32.self, at: 4)) == bytes.count - headerBytes
    }
}

/// What is wrong with the bytes at a place where a batch should be.
public enum BatchDefect: Error, Equatable, Sendable, CustomStringConvertible {
    case header(String)
    case body(String)
    /// The root recomputed from the events is not the one in the header.
    case root(stored: Hash, computed: Hash)
    /// The batch does not continue where the one before it ended.
    case sequence(expected: UInt64, found: UInt64)

    public var description: String {
        switch self {
        case .header(let what), .body(let what): what
        case .root(let stored, let computed):
            "the stored tree root \(stored) is not the root \(computed) of the stored events"
        case .sequence(let expected, let found): "event \(expected) should follow, but the batch begins with \(found)"
        }
    }
}

extension UnsafeRawBufferPointer {
    func load<T: FixedWidthInteger>(_ type: T.Type = T.self, at offset: Int) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}

extension UnsafeMutableRawBufferPointer {
    func store<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
    }
}
