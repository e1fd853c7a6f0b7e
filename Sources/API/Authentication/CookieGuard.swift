import Foundation
import HTTPTypes
import Hummingbird

/// Keeps other sites from using a browser's cookie (cross-site request forgery): a request that a cookie vouches for, or
/// that sets one, changes something only when it does not come from a page of another origin.
///
/// Without tokens of its own: browsers say with `Origin` and `Sec-Fetch-Site` where a request comes from, and no form can
/// send `application/json`. A client that says neither is no browser, and has no cookies of somebody else's.
enum CookieGuard {
    private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")
    private static let safeMethods: Set<HTTPRequest.Method> = [.get, .head, .options]

    /// - Throws: `forbidden` for a page of another origin, `unsupportedMediaType`.
    static func check(_ request: Request) throws(APIError) {
        guard !safeMethods.contains(request.method) else { return }
        if let name = fetchSite, let site = request.headers[name], site != "same-origin", site != "none" {
            throw foreign
        }
        if let origin = request.headers[.origin], !isOwn(origin, host: request.head.authority) { throw foreign }
        guard hasBody(request) else { return }
        let type = request.headers[.contentType]?.split(separator: ";").first?.filter { $0 != " " }.lowercased()
        guard type == "application/json" else {
            throw APIError(
                .unsupportedMediaType,
                "A request with a sign-in cookie must send its body as `Content-Type: application/json`.")
        }
    }

    /// Whether a body is announced (RFC 9112 §6).
    private static func hasBody(_ request: Request) -> Bool {
        if let length = request.headers[.contentLength] { return length != "0" }
        return request.headers[.transferEncoding] != nil || request.headers[.contentType] != nil
    }

    /// Whether `origin` (RFC 6454 §6.2) names the host that the request was sent to. Which scheme a proxy before us spoke
    /// cannot be seen from here; the cookie is `Secure`, so no page of plain HTTP elsewhere gets it sent.
    static func isOwn(_ origin: String, host: String?) -> Bool {
        guard let host, let separator = origin.range(of: "://") else { return false }
        let scheme = origin[..<separator.lowerBound]
        guard scheme == "http" || scheme == "https" else { return false }
        let port = scheme == "https" ? ":443" : ":80"
        func plain(_ text: some StringProtocol) -> String {
            let lower = text.lowercased()
            return lower.hasSuffix(port) ? String(lower.dropLast(port.count)) : lower
        }
        return plain(origin[separator.upperBound...]) == plain(host)
    }

    private static let foreign = APIError(
        .forbidden, "This request comes from a page of another origin and is refused. Use the page of this server.")
}
