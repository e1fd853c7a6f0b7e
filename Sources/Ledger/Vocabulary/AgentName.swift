/// What the owner of an agent calls it, and everybody else looks it up by: 1 to 128 letters, digits and `._:~@-` of ASCII, so
/// that it can stand in a path and in a DID as it is.
public struct AgentName: Sendable, Hashable, CustomStringConvertible {
    public static let bytesMax = 128
    private static let marks = Array("._:~@-".utf8)

    public let text: String

    /// Nil for anything that cannot be a name.
    public init?(_ text: String) {
        guard (1...Self.bytesMax).contains(text.utf8.count), text != ".", text != "..",
            text.utf8.allSatisfy({ byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || Self.marks.contains(byte)
            })
        else { return nil }
        self.text = text
    }

    public var description: String { text }

    /// The subject of the agent's credentials.
    public var did: String { "did:nanda:" + text }
}
