public import CanonicalJSON
import Foundation

/// One request to the server's API.
public struct APIRequest: Sendable {
    public enum Body: Sendable {
        case none
        case json(JSONValue)
        /// A file of this machine, read as it is sent; nil is standard input, which cannot be sent twice.
        case file(path: String?)
    }

    public enum Method: String, Sendable {
        case get = "GET", post = "POST", put = "PUT", delete = "DELETE"
    }

    public var method: Method
    /// With a slash in front, percent-encoded.
    public var path: String
    public var query: [(name: String, value: String)] = []
    public var body = Body.none
    public var accept = "application/json"
    /// Sent instead of the API key: an access token of somebody who just signed in.
    public var bearer: String?

    public init(_ method: Method, _ path: String, query: [(name: String, value: String)] = [], body: Body = .none) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }

    /// Path and query as they are sent.
    var target: String {
        guard !query.isEmpty else { return path }
        let pairs = query.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }
        return path + "?" + pairs.joined(separator: "&")
    }

    /// Whether the same request can be sent once more.
    var isRepeatable: Bool { if case .file(path: nil) = body { false } else { true } }

    /// Percent-encodes one segment of a path, or one part of a query (RFC 3986 §2.3).
    public static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    /// Percent-encodes a path, segment by segment.
    public static func encoded(path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { encoded(String($0)) }.joined(separator: "/")
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
