public import CanonicalJSON

/// What the server answered, whichever client asked.
public struct Answer: Sendable {
    public let status: Int
    /// Names in lower case.
    public let headers: [String: String]
    public let body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = Dictionary(
            headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        self.body = body
    }

    /// The body as JSON; null when it is none, so that a comparison fails and shows the answer.
    public var json: JSONValue {
        do { return try JSONReader.read(body, numbers: .ieee754) } catch { return .null }
    }

    /// A member of the body.
    public subscript(name: String) -> JSONValue? { json[name] }

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The names of the body's members, in canonical order.
    public var names: [String] { json.object?.names ?? [] }
}

extension Answer: CustomStringConvertible {
    /// Status and body, for failed expectations.
    public var description: String { "\(status) \(text)" }
}
