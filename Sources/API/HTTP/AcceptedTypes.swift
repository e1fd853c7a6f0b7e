/// The media types that an `Accept` header lets through (RFC 9110 §12.5.1).
struct AcceptedTypes: Sendable {
    private struct Range: Sendable {
        let type: Substring
        let subtype: Substring
        let isRefused: Bool

        /// How exactly it names `type/subtype`, or nil when it does not cover it.
        func precision(_ type: Substring, _ subtype: Substring) -> Int? {
            if self.type == type { return self.subtype == subtype ? 2 : self.subtype == "*" ? 1 : nil }
            return self.type == "*" && self.subtype == "*" ? 0 : nil
        }
    }

    private let ranges: [Range]

    /// - Parameter header: the `Accept` field; nil accepts everything, as does one that names no type at all.
    init(_ header: String?) {
        ranges = (header ?? "").lowercased().split(separator: ",").compactMap { item in
            let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
            let names = (parts.first ?? "").split(separator: "/", omittingEmptySubsequences: false)
            guard names.count == 2 else { return nil }
            let isRefused = parts.dropFirst().contains { part in
                part.hasPrefix("q=0") && part.dropFirst(3).allSatisfy { $0 == "0" || $0 == "." }
            }
            return Range(type: names[0], subtype: names[1], isRefused: isRefused)
        }
    }

    /// Whether an answer of this type is acceptable; the most exact range decides.
    func accept(_ mediaType: String) -> Bool {
        guard !ranges.isEmpty else { return true }
        let names = mediaType.split(separator: "/")
        guard names.count == 2 else { return false }
        let covering = ranges.compactMap { range in
            range.precision(names[0], names[1]).map { (precision: $0, isRefused: range.isRefused) }
        }
        guard let best = covering.max(by: { $0.precision < $1.precision }) else { return false }
        return !best.isRefused
    }
}
