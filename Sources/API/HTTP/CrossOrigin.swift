import HTTPTypes
import Hummingbird

/// Which pages in a browser may read answers (CORS, WHATWG Fetch §3.2): any page what is public anyway, pages of the
/// listed origins the rest. Never with cookies: a page of another origin shows its own key.
struct CrossOrigin: Sendable {
    /// For example `https://app.example.com`.
    let allowedOrigins: Set<String>

    private static let preflightSecondsMax = 86_400
    private static let requestHeaders =
        "Authorization, Content-Type, Accept, Idempotency-Key, X-Request-Id, traceparent"
    private static let answerHeaders =
        "X-Request-Id, traceparent, Retry-After, RateLimit, RateLimit-Policy, Allow"

    private static let requestMethod = HTTPField.Name("Access-Control-Request-Method")
    private static let allowOrigin = HTTPField.Name("Access-Control-Allow-Origin")
    private static let exposeHeaders = HTTPField.Name("Access-Control-Expose-Headers")
    private static let allowMethods = HTTPField.Name("Access-Control-Allow-Methods")
    private static let allowHeaders = HTTPField.Name("Access-Control-Allow-Headers")
    private static let maxAge = HTTPField.Name("Access-Control-Max-Age")

    /// Adds what lets the page read this answer, if it may.
    ///
    /// - Parameter isPublic: whether the path is one that any page may use.
    func mark(_ fields: inout HTTPFields, for request: Request, isPublic: Bool) {
        if !isPublic, !allowedOrigins.isEmpty { fields[.vary] = "Origin" }
        guard let origin = request.headers[.origin], isPublic || allowedOrigins.contains(origin) else { return }
        Self.set(Self.allowOrigin, isPublic ? "*" : origin, in: &fields)
        Self.set(Self.exposeHeaders, Self.answerHeaders, in: &fields)
    }

    /// The answer to a browser's question whether a page may send a request; nil when this is no such question.
    ///
    /// - Parameter methods: what the path has.
    func preflight(_ request: Request, methods: [String], isPublic: Bool) -> Response? {
        guard let name = Self.requestMethod, request.headers[name] != nil, let origin = request.headers[.origin],
            isPublic || allowedOrigins.contains(origin)
        else { return nil }
        var response = Response(status: .noContent)
        Self.set(Self.allowMethods, methods.joined(separator: ", "), in: &response.headers)
        Self.set(Self.allowHeaders, Self.requestHeaders, in: &response.headers)
        Self.set(Self.maxAge, String(Self.preflightSecondsMax), in: &response.headers)
        return response
    }

    private static func set(_ name: HTTPField.Name?, _ value: String, in fields: inout HTTPFields) {
        if let name { fields[name] = value }
    }
}
