import EventStore
import Ledger
import Projections
import Proofs

/// The pages that error answers link to, generated from the table of codes.
struct NanoTermDocs: Sendable {
    static let path = "/api/docs/errors"

    var routes: [Route] {
        let types = ["text/html", "application/json"]
        return [
            Route(.get, Self.path, .public, isForAnyOrigin: true, produces: types) { _ throws(APIError) in
                Self.page("Error codes", NanoTermCode.allCases)
            },
            Route(.get, Self.path + "/:code", .public, isForAnyOrigin: true, produces: types) {
                exchange throws(APIError) in
                guard let code = NanoTermCode(rawValue: exchange.parameter("code")) else {
                    throw APIError(.notFound, "There is no such error code. GET \(Self.path) lists them.")
                }
                return Self.page(code.rawValue, [code])
            },
        ]
    }

    /// Only text of the table stands on a page; nothing of the request does.
    private static func page(_ title: String, _ codes: [NanoTermCode]) -> APIResponse {
        let rows = codes.map { code in
            let row = code.row
            return """
                <tr id="\(code.rawValue)"><td>\(row.status)</td><td><a href="\(code.page)">\(code.rawValue)</a></td>\
                <td>\(escaped(row.meaning))</td><td>\(escaped(row.action))</td>\
                <td>\(row.isRetryable ? "yes" : "no")</td></tr>
                """
        }
        let html = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(title)</title></head>
            <body><h1>\(title)</h1>
            <table><thead><tr><th>Status</th><th>Code</th><th>Meaning</th><th>What to do</th><th>Retryable</th></tr></thead>
            <tbody>
            \(rows.joined(separator: "\n"))
            </tbody></table>
            <p><a href="\(path)">All error codes</a></p></body></html>

            """
        return Self.html(html)
    }

    /// A page without anything that could run.
    static func html(_ text: String) -> APIResponse {
        var response = APIResponse(status: 200, body: Array(text.utf8))
        response.contentType = "text/html; charset=utf-8"
        response.headers = [
            ("Cache-Control", "public, max-age=300"), ("Content-Security-Policy", "default-src 'none'"),
        ]
        return response
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
