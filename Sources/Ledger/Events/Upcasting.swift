public import CanonicalJSON

/// Turns the data of an older version of an event type into that of the next version.
public struct Upcaster: Sendable {
    public let type: String
    /// The version it reads; it gives `version + 1`.
    public let version: Int
    public let transform: @Sendable (JSONObject) throws(PayloadError) -> JSONObject

    public init(
        type: String, version: Int, transform: @escaping @Sendable (JSONObject) throws(PayloadError) -> JSONObject
    ) {
        self.type = type
        self.version = version
        self.transform = transform
    }
}

/// All steps from old versions to today's. Events in the log are never rewritten; they are read through this.
///
/// To change an event type: raise its `version`, and add the step from the version before to ``current``.
public struct Upcasters: Sendable {
    private struct Step: Hashable {
        let type: String
        let version: Int
    }

    private let steps: [Step: Upcaster]

    /// Of two steps for the same type and version the last holds.
    public init(_ upcasters: [Upcaster]) {
        steps = Dictionary(
            upcasters.map { (Step(type: $0.type, version: $0.version), $0) }, uniquingKeysWith: { $1 })
    }

    /// The steps that this program knows; none yet, every event type is at its first version.
    public static let current = Upcasters([])

    /// `data` of `type` as its version `target`.
    ///
    /// - Throws: ``PayloadError`` when `version` is newer than `target`, or a step is missing or fails.
    public func upcast(
        _ data: JSONObject, of type: String, from version: Int, to target: Int
    ) throws(PayloadError) -> JSONObject {
        guard version != target else { return data }
        guard version < target else { throw PayloadError("v", .newerVersion) }
        var data = data
        for version in version..<target {
            guard let step = steps[Step(type: type, version: version)] else { throw PayloadError("v", .notAllowed) }
            data = try step.transform(data)
        }
        return data
    }
}
