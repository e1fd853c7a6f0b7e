import CanonicalJSON
import Crypto
import Foundation
import Ledger

/// The document as one page to read: no script, no font, no picture, nothing from anywhere.
struct DocumentPage: Sendable {
    private let document: APIDocument

    init(_ document: APIDocument) { self.document = document }

    /// Nothing is loaded and nothing runs; of styles only the one in the page.
    static let contentSecurityPolicy =
        "default-src 'none'; style-src 'sha256-\(styleHash)'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private static let styleHash = Data(SHA256.hash(data: Data(style.utf8))).base64EncodedString()

    /// The whole page.
    var html: String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>nrx-ledger: the API</title>
        <style>\(Self.style)</style>
        </head>
        <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header><h1>nrx-ledger: the API</h1>
        <p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p></header>
        <nav aria-label="Contents"><ul>\(contents)</ul></nav>
        <main id="content">
        \(chapters)
        \(errors)
        \(plans)
        </main>
        </body>
        </html>

        """
    }

    private var contents: String {
        document.families.map { family in
            "<li><a href=\"#\(Self.anchor(family.tag))\">\(Self.escape(family.tag))</a></li>"
        }.joined() + "<li><a href=\"#errors\">Errors</a></li><li><a href=\"#plans\">Limits</a></li>"
    }

    private var chapters: String {
        let operations = Dictionary(grouping: document.operations, by: \.family.tag)
        return document.families.map { family in
            """
            <section id="\(Self.anchor(family.tag))"><h2>\(Self.escape(family.tag))</h2><p>\(Self.prose(family.about))</p>
            \((operations[family.tag] ?? []).map(Self.article).joined())</section>

            """
        }.joined()
    }

    private static func article(_ operation: APIDocument.Operation) -> String {
        let description = operation.description
        var parts = [
            """
            <article id="\(description.id)"><h3><code><b>\(operation.route.method.rawValue)</b> \
            \(escape(operation.path))</code> \(escape(description.summary))</h3>
            """
        ]
        for text in [description.about, operation.audience, operation.limits] where !text.isEmpty {
            parts.append("<p>\(prose(text))</p>")
        }
        if !operation.allParameters.isEmpty {
            parts.append(
                table(
                    ["parameter", "in", "what"],
                    operation.allParameters.map { parameter in
                        [
                            "<code>\(escape(parameter.name))</code>\(parameter.isRequired ? " *" : "")",
                            parameter.place.rawValue,
                            prose(parameter.about),
                        ]
                    }))
        }
        if let body = description.body {
            parts.append("<h4>Body</h4>" + members(of: body.schema) + example(body.schema, body.mediaType))
        }
        for answer in description.answers {
            parts.append("<h4>\(answer.status): \(prose(answer.about))</h4>")
            if let (type, schema) = answer.content.first { parts.append(members(of: schema) + example(schema, type)) }
            for (type, _) in answer.content.dropFirst() { parts.append("<p>Also as <code>\(escape(type))</code>.</p>") }
        }
        let links = APIError.Code.allCases.filter(operation.errors.contains).map { code in
            "<a href=\"#\(ErrorCatalogue.entry(code).anchor)\">\(operation.family.dialect.status(APIError(code, ""))) \(code.rawValue)</a>"
        }
        parts.append("<p class=\"errors\">Errors: \(links.joined(separator: ", ")).</p></article>\n")
        return parts.joined(separator: "\n")
    }

    private static func members(of schema: Schema) -> String {
        let described = schema.members.filter { $0.schema.document["description"] != nil }
        guard !described.isEmpty else { return "" }
        return table(
            ["member", "what"],
            described.map { member in
                [
                    "<code>\(escape(member.name))</code>\(member.isRequired ? " *" : "")",
                    prose(member.schema.document["description"]?.string ?? ""),
                ]
            })
    }

    private static func example(_ schema: Schema, _ type: String) -> String {
        switch schema.example {
        case .string(let text): "<pre>\(escape(text))</pre>"
        case _ where type == "application/octet-stream": ""
        default: "<pre>\(escape(PlainJSON.indented(schema.example)))</pre>"
        }
    }

    private var errors: String {
        let rows = ErrorCatalogue.entries.map { entry in
            """
            <tr id="\(entry.anchor)"><td>\(entry.code.status)</td><td><code>\(entry.code.rawValue)</code></td>\
            <td>\(Self.prose(entry.meaning))</td><td>\(Self.prose(entry.remedy))</td></tr>
            """
        }
        return """
            <section id="errors"><h2>Errors</h2>
            <p>Every error answer links here (<code>Link: …; rel="help"</code>). Each dialect has its own envelope, and Nexora
            and NanoTerm their own status for some.</p>
            <table><thead><tr><th>status</th><th>code</th><th>means</th><th>what to do</th></tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table></section>
            """
    }

    private var plans: String {
        let rows = PlanTable.rows.map { row in
            [row.title] + Tier.allCases.map { tier in row.value(Plan.of(tier)).map(String.init) ?? "–" }
        }
        return "<section id=\"plans\"><h2>Limits</h2>" + Self.table([""] + Tier.allCases.map(\.rawValue), rows)
            + "</section>"
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        let header = head.map { "<th scope=\"col\">\($0)</th>" }.joined()
        let body = rows.map { "<tr>\($0.map { "<td>\($0)</td>" }.joined())</tr>" }.joined(separator: "\n")
        return "<table><thead><tr>\(header)</tr></thead><tbody>\(body)</tbody></table>"
    }

    private static func anchor(_ tag: String) -> String { tag.lowercased().replacing(" ", with: "-") }

    /// Text with `code` in it.
    private static func prose(_ text: String) -> String {
        escape(text).split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, part in
            index.isMultiple(of: 2) ? String(part) : "<code>\(part)</code>"
        }.joined().replacing("\n\n", with: "<br>")
    }

    private static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    private static let style = """
        :root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
        body{margin:0 auto;max-width:60rem;padding:1rem}
        .skip{position:absolute;left:-99rem}.skip:focus{left:1rem}
        nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;padding:0}
        article{border-top:1px solid #8886;margin-top:1.5rem;padding-top:.5rem}
        h3{font-size:1.05rem;overflow-wrap:anywhere}h4{margin:.8rem 0 .3rem}
        pre{background:#8882;border-radius:.3rem;overflow-x:auto;padding:.6rem}
        table{border-collapse:collapse;display:block;overflow-x:auto}
        th,td{border-bottom:1px solid #8884;padding:.2rem .6rem;text-align:left;vertical-align:top}
        tr:target,article:target,section:target>h2{outline:2px solid #27f}
        .errors{font-size:.85rem}
        """
}

/// JSON for readers: a member a line.
enum PlainJSON {
    static func indented(_ value: JSONValue, _ indent: String = "") -> String {
        let deeper = indent + "  "
        switch value {
        case .object(let object) where !object.members.isEmpty:
            let lines = object.members.map { member in
                "\(deeper)\(JSONValue.string(member.name).canonicalText): \(indented(member.value, deeper))"
            }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
        case .array(let elements) where elements.contains { $0.object != nil }:
            return "[\n\(elements.map { deeper + indented($0, deeper) }.joined(separator: ",\n"))\n\(indent)]"
        default: return value.canonicalText
        }
    }
}
