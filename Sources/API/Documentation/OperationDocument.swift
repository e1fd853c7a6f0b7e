import CanonicalJSON
import Ledger

extension APIDocument.Operation {
    /// The path as OpenAPI writes it: `/v1/sessions/{id}`.
    var path: String {
        let rest = description.parameters.first(where: \.isRest)?.name ?? "path"
        return route.path.split(separator: "/", omittingEmptySubsequences: false).map { segment in
            segment == "**" ? "{\(rest)}" : segment.hasPrefix(":") ? "{\(segment.dropFirst())}" : String(segment)
        }.joined(separator: "/")
    }

    /// What a caller needs, by the names of the vocabulary; nil where no key is asked for.
    var permissions: [String]? {
        switch route.access {
        case .key(let permissions), .optionalKey(let permissions): permissions.names
        case .public, .member, .operator: nil
        }
    }

    /// Who may call it, in words.
    var audience: String {
        switch route.access {
        case .public: "Anyone, without a key."
        case .key(let permissions): "Needs \(permissions.names.joined(separator: ", "))."
        case .optionalKey(let permissions):
            "Anyone; who shows a key needs \(permissions.names.joined(separator: ", "))."
        case .member: "A signed-in member."
        case .operator: "The operator."
        }
    }

    /// The codes of all errors that it can answer with.
    var errors: Set<APIError.Code> {
        RouteErrors.codes(of: route).union(description.errors)
            .union(DialectDescription.of(family.dialect)?.everywhere ?? [])
    }

    /// The document of the operation.
    var document: JSONObject {
        var document = JSONObject()
        document["operationId"] = .string(description.id)
        document["tags"] = [.string(family.tag)]
        document["summary"] = .string(description.summary)
        document["description"] = .string(
            [description.about, audience, limits].filter { !$0.isEmpty }.joined(separator: "\n\n"))
        document["security"] = security
        if let permissions { document["x-permissions"] = .array(permissions.map { .string($0) }) }
        document["x-body-bytes-max"] = takesBody ? .integer(Int64(route.bodyBytesMax)) : nil
        if let rule = route.addressLimit {
            document["x-requests-per-minute-per-address"] = .integer(Int64(rule.limit.requests))
        }
        let parameters = allParameters
        if !parameters.isEmpty { document["parameters"] = .array(parameters.map(Self.document)) }
        if let body = description.body { document["requestBody"] = Self.document(body) }
        document["responses"] = .object(responses)
        return document
    }

    /// Every named schema that the operation speaks of.
    var definitions: [String: Schema] {
        let schemas =
            allParameters.map(\.schema) + [description.body?.schema].compactMap { $0 }
            + description.answers.flatMap { $0.content.map(\.schema) }
        return schemas.reduce(into: [:]) { all, schema in all.merge(schema.definitions) { first, _ in first } }
    }

    private var takesBody: Bool { description.body != nil && !route.streamsBody }

    /// Limits in words.
    var limits: String {
        var texts: [String] = []
        if takesBody { texts.append("The body has at most \(route.bodyBytesMax) bytes.") }
        if let rule = route.addressLimit { texts.append("\(rule.limit.requests) requests a minute from one address.") }
        return texts.joined(separator: " ")
    }

    private var security: JSONValue {
        let bearer: JSONValue = ["bearer": .array((permissions ?? []).map { .string($0) })]
        let cookie: JSONValue = ["cookie": .array((permissions ?? []).map { .string($0) })]
        return switch route.access {
        case .public: []
        case .optionalKey: [.object(JSONObject()), bearer, cookie]
        case .key, .member, .operator: [bearer, cookie]
        }
    }

    /// Those of the description, and the idempotency key where the route heeds one.
    var allParameters: [RouteDescription.Parameter] {
        guard let rule = route.idempotency, rule != .notNeeded else { return description.parameters }
        let length = (rule == .rememberedSecret ? IdempotencyKey.secretBytesMin : 1)...IdempotencyKey.bytesMax
        return description.parameters + [
            .header(
                "Idempotency-Key",
                .text("7d3e0f5a-9a3c-4c3e-9f0d-2f8b6d1c5e4a", length: length, pattern: "^[!-~]+$"),
                "Made up once for one thing to be done: for 24 hours a repeat gets the first answer.")
        ]
    }

    private static func document(_ parameter: RouteDescription.Parameter) -> JSONValue {
        [
            "in": .string(parameter.place.rawValue), "name": .string(parameter.name),
            "required": .bool(parameter.isRequired), "description": .string(parameter.about),
            "schema": .object(parameter.schema.document), "example": parameter.schema.example,
        ]
    }

    private static func document(_ body: RouteDescription.Body) -> JSONValue {
        var content = JSONObject()
        content[body.mediaType] = media(body.schema, body.mediaType)
        return ["required": .bool(body.isRequired), "content": .object(content)]
    }

    private static func media(_ schema: Schema, _ type: String) -> JSONValue {
        // Bytes have no schema (OpenAPI 3.1.0, "Considerations for File Uploads").
        type == "application/octet-stream"
            ? .object(JSONObject())
            : ["schema": .object(schema.document), "example": schema.example]
    }

    private var responses: JSONObject {
        var responses = JSONObject()
        for answer in description.answers {
            var response = JSONObject()
            response["description"] = .string(answer.about)
            response["headers"] = ErrorAnswers.headerReferences
            if !answer.content.isEmpty {
                response["content"] = .object(
                    JSONObject(answer.content.map { ($0.mediaType, Self.media($0.schema, $0.mediaType)) }))
            }
            responses[String(answer.status)] = .object(response)
        }
        for (status, response) in ErrorAnswers.answers(
            errors, in: family.dialect, also: description.otherErrors)
        where responses[String(status)] == nil { responses[String(status)] = response }
        return responses
    }
}

/// The error answers of the document.
enum ErrorAnswers {
    static let headers: JSONValue = [
        "X-Request-Id": [
            "description": "The request's id: the client's own, or the server's.", "schema": ["type": "string"],
        ],
        "RateLimit": [
            "description": "What is left now, and in how many seconds all of it is there again.",
            "schema": ["type": "string"],
        ],
        "RateLimit-Policy": ["description": "The limits that hold.", "schema": ["type": "string"]],
        "Retry-After": [
            "description": "Whole seconds after which the same request can succeed.",
            "schema": ["type": "integer", "minimum": 0],
        ],
        "Link": ["description": "Where `/docs` explains the error.", "schema": ["type": "string"]],
    ]

    static let headerReferences = references(["X-Request-Id", "RateLimit", "RateLimit-Policy"])

    private static func references(_ names: [String]) -> JSONValue {
        .object(JSONObject(names.map { ($0, ["$ref": .string("#/components/headers/\($0)")]) }))
    }

    /// One for every code in every dialect.
    static var components: JSONObject {
        JSONObject(
            DialectDescription.all.flatMap { described in
                APIError.Code.allCases.map { code in
                    (name(code, described), .object(answer([code], described)))
                }
            })
    }

    private static func name(_ code: APIError.Code, _ described: DialectDescription) -> String {
        "\(described.title)_\(code.rawValue)"
    }

    /// By status, for one operation.
    static func answers(
        _ codes: Set<APIError.Code>, in dialect: Dialect, also others: [(status: Int, about: String)]
    ) -> [(Int, JSONValue)] {
        guard let described = DialectDescription.of(dialect) else { return [] }
        let ordered = APIError.Code.allCases.filter(codes.contains)
        var answers = Dictionary(grouping: ordered) { dialect.status(APIError($0, "")) }.mapValues {
            codes -> JSONValue in
            codes.count == 1
                ? ["$ref": .string("#/components/responses/\(name(codes[0], described))")]
                : .object(answer(codes, described))
        }
        // What is refused before a path is looked at is refused in the native envelope.
        let headersTooLarge = "#/components/responses/\(name(.headersTooLarge, .native))"
        answers[431] = answers[431] ?? ["$ref": .string(headersTooLarge)]
        for other in others where answers[other.status] == nil {
            answers[other.status] = [
                "description": .string(other.about),
                "content": ["application/json": ["schema": .object(described.error.document)]],
            ]
        }
        return answers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private static func answer(_ codes: [APIError.Code], _ described: DialectDescription) -> JSONObject {
        let entries = codes.map(ErrorCatalogue.entry)
        var headers = ["X-Request-Id", "RateLimit", "RateLimit-Policy", "Link"]
        if codes.contains(where: { $0 == .rateLimited || $0 == .unavailable }) { headers.append("Retry-After") }
        let examples = JSONObject(
            entries.map { entry in
                let error = APIError(entry.code, entry.meaning)
                return (entry.code.rawValue, ["value": described.dialect.errorBody(error)])
            })
        return JSONObject([
            (
                "description",
                .string(entries.map { "`\($0.code.rawValue)` \($0.meaning) \($0.remedy)" }.joined(separator: "\n\n"))
            ),
            ("headers", references(headers)),
            (
                "content",
                [
                    "application/json": [
                        "schema": .object(described.error.document), "examples": .object(examples),
                    ]
                ]
            ),
        ])
    }
}
