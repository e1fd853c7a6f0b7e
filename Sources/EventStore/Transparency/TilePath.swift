/// File names of C2SP `tlog-tiles`.
public enum TilePath {
    /// Levels of the tree that one tile spans.
    public static let height = 8
    /// Hashes in a full tile.
    public static let width = 256

    /// `tile/<level>/<index>`, partial ones with `.p/<width>`.
    ///
    /// - Parameters:
    ///   - level: tile level, from 0 at the leaves.
    ///   - index: index among the tiles of that level.
    ///   - width: hashes in it, when fewer than 256.
    public static func hashTile(level: Int, index: UInt64, partialWidth: Int? = nil) -> String {
        "tile/\(level)/" + encode(index) + partial(partialWidth)
    }

    /// `tile/entries/<index>`.
    public static func entryBundle(index: UInt64, partialWidth: Int? = nil) -> String {
        "tile/entries/" + encode(index) + partial(partialWidth)
    }

    private static func partial(_ width: Int?) -> String { width.map { ".p/\($0)" } ?? "" }

    /// Three digits a group, all but the last marked with `x`: 1234067 is `x001/x234/067`.
    static func encode(_ index: UInt64) -> String {
        var groups: [String] = []
        var rest = index
        repeat {
            let group = String(rest % 1000)
            groups.append(String(repeating: "0", count: 3 - group.count) + group)
            rest /= 1000
        } while rest > 0
        return groups.enumerated().reversed().map { $0.offset > 0 ? "x" + $0.element : $0.element }
            .joined(separator: "/")
    }
}
