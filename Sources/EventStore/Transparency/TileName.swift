/// The name of one tile as C2SP `tlog-tiles` writes it: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
public struct TileName: Sendable, Hashable {
    /// What stands in a tile.
    public enum Kind: Sendable, Hashable {
        /// Roots of subtrees of 256^`level` leaves; at level 0 the leaf hashes.
        case hashes(level: Int)
        /// The entries themselves: the events' commitments.
        case entries
    }

    public let kind: Kind
    /// Index among the tiles of its kind.
    public let index: UInt64
    /// How many hashes or entries are in it: 256 in a full one.
    public let width: Int

    /// Whether it can never change again.
    public var isFull: Bool { width == TilePath.width }

    /// Deepest level that a tile can have (C2SP `tlog-tiles`).
    static let levelMax = 63

    public init(_ kind: Kind, index: UInt64, width: Int = TilePath.width) {
        self.kind = kind
        self.index = index
        self.width = width
    }

    /// The path, from `tile/` on.
    public var path: String {
        let partialWidth = isFull ? nil : width
        return switch kind {
        case .hashes(let level): TilePath.hashTile(level: level, index: index, partialWidth: partialWidth)
        case .entries: TilePath.entryBundle(index: index, partialWidth: partialWidth)
        }
    }

    /// Reads a path strictly: of the texts that could mean a tile only the one that ``path`` writes.
    public init?(path: some StringProtocol) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)[...]
        guard parts.popFirst() == "tile", let kind = parts.popFirst(), let width = Self.takeWidth(from: &parts),
            let index = Self.readIndex(parts)
        else { return nil }
        if kind == "entries" {
            self.init(.entries, index: index, width: width)
        } else {
            guard let level = Int(kind), (0...Self.levelMax).contains(level) else { return nil }
            self.init(.hashes(level: level), index: index, width: width)
        }
        // Whatever was written otherwise (`+1`, `00`, `x000/001`) names nothing.
        guard self.path.utf8.elementsEqual(path.utf8) else { return nil }
    }

    /// Takes `.p/<W>` away; 256 where there is none.
    private static func takeWidth(from parts: inout ArraySlice<some StringProtocol>) -> Int? {
        guard parts.count >= 2, let mark = parts.dropLast().last, mark.hasSuffix(".p") else { return TilePath.width }
        guard let last = parts.popLast(), let width = Int(last), (1..<TilePath.width).contains(width) else {
            return nil
        }
        return width
    }

    private static func readIndex(_ parts: ArraySlice<some StringProtocol>) -> UInt64? {
        // Twenty digits are seven groups; longer ones would overflow.
        guard !parts.isEmpty, parts.count <= 7 else { return nil }
        var index: UInt64 = 0
        for part in parts {
            let digits = part.drop { $0 == "x" }.prefix { $0 != "." }
            guard digits.utf8.count == 3, let group = UInt64(digits) else { return nil }
            let (shifted, overflow) = index.multipliedReportingOverflow(by: 1000)
            let (sum, carry) = shifted.addingReportingOverflow(group)
            guard !overflow, !carry else { return nil }
            index = sum
        }
        return index
    }
}
