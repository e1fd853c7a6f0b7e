/// What an agent's owner says of it; anyone may read it.
public struct AgentProfile: Sendable, Equatable {
    /// Where it answers: `http` or `https`.
    public var url: String
    public var apiURL: String?
    /// Where its owner publishes its facts.
    public var factsURL: String?
    public var capabilities: [String]
    public var tags: [String]
    public var version: String?

    public init(
        url: String, apiURL: String? = nil, factsURL: String? = nil, capabilities: [String] = [], tags: [String] = [],
        version: String? = nil
    ) {
        self.url = url
        self.apiURL = apiURL
        self.factsURL = factsURL
        self.capabilities = capabilities
        self.tags = tags
        self.version = version
    }
}

/// Bounds of what an agent's owner can say.
public enum AgentLimits {
    public static let urlBytesMax = 2_048
    /// Capabilities, and tags, of one agent.
    public static let labelsMax = 64
    public static let labelCharactersMax = 64
    public static let versionCharactersMax = 64
    /// Canonical bytes of one credential.
    public static let factsBytesMax = 65_536
}

extension AgentProfile {
    /// - Throws: `badRequest` with the member that is wrong.
    func check() throws(Refusal) {
        try Self.checkURL(url, "agent_url")
        if let apiURL { try Self.checkURL(apiURL, "api_url") }
        if let factsURL { try Self.checkURL(factsURL, "facts_url") }
        try Self.checkLabels(capabilities, "capabilities")
        try Self.checkLabels(tags, "tags")
        if let version { try Self.checkText(version, "version", max: AgentLimits.versionCharactersMax) }
    }

    /// An absolute `http` or `https` URL with a host, without a user's name in it (RFC 3986 §3).
    private static func checkURL(_ text: String, _ field: String) throws(Refusal) {
        let refusal = Refusal(
            .badRequest, "\(field) must be an http or https URL of at most \(AgentLimits.urlBytesMax) bytes.",
            field: field)
        guard text.utf8.count <= AgentLimits.urlBytesMax,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !Array("\"<>\\^`{|}".utf8).contains($0) }),
            let scheme = ["https://", "http://"].first(where: { text.lowercased().hasPrefix($0) })
        else { throw refusal }
        let authority = text.utf8.dropFirst(scheme.utf8.count).prefix { !Array("/?#".utf8).contains($0) }
        guard let first = authority.first, first != UInt8(ascii: ":"), !authority.contains(UInt8(ascii: "@")) else {
            throw refusal
        }
    }

    private static func checkLabels(_ labels: [String], _ field: String) throws(Refusal) {
        guard labels.count <= AgentLimits.labelsMax else {
            throw Refusal(.badRequest, "At most \(AgentLimits.labelsMax) \(field) can be given.", field: field)
        }
        for (index, label) in labels.enumerated() {
            try checkText(label, "\(field)[\(index)]", max: AgentLimits.labelCharactersMax)
        }
        guard Set(labels).count == labels.count else {
            throw Refusal(.badRequest, "One of the \(field) stands there twice.", field: field)
        }
    }

    static func checkText(_ text: String, _ field: String, max: Int) throws(Refusal) {
        guard (1...max).contains(text.count), text.utf8.count <= 4 * max,
            text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            throw Refusal(
                .badRequest, "\(field) must have 1 to \(max) characters, none of them a control character.",
                field: field)
        }
    }
}
