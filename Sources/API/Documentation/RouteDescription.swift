import CanonicalJSON

/// What the API document says of a route, beyond what the route itself knows (who may call it, how large its body may be,
/// what it does about idempotency keys): that stands in ``Route`` alone, so that it cannot be told twice.
struct RouteDescription: Sendable {
    /// Where a parameter stands.
    enum Place: String, Sendable {
        case path, query, header
    }

    struct Parameter: Sendable {
        let place: Place
        let name: String
        let about: String
        let schema: Schema
        var isRequired = false
        /// Whether it takes the rest of the path, slashes and all (`**`).
        var isRest = false

        static func path(_ name: String, _ schema: Schema, _ about: String) -> Parameter {
            Parameter(place: .path, name: name, about: about, schema: schema, isRequired: true)
        }

        /// What `**` captures.
        static func rest(_ name: String, _ schema: Schema, _ about: String) -> Parameter {
            Parameter(place: .path, name: name, about: about, schema: schema, isRequired: true, isRest: true)
        }

        static func query(_ name: String, _ schema: Schema, _ about: String, isRequired: Bool = false) -> Parameter {
            Parameter(place: .query, name: name, about: about, schema: schema, isRequired: isRequired)
        }

        static func header(_ name: String, _ schema: Schema, _ about: String) -> Parameter {
            Parameter(place: .header, name: name, about: about, schema: schema)
        }
    }

    /// A body that is sent.
    struct Body: Sendable {
        let schema: Schema
        var mediaType = "application/json"
        var isRequired = true
    }

    /// An answer that is no error.
    struct Answer: Sendable {
        let status: Int
        let about: String
        /// By media type; empty when there is no body.
        let content: [(mediaType: String, schema: Schema)]

        static func json(_ about: String, _ schema: Schema) -> Answer { json(200, about, schema) }

        static func json(_ status: Int, _ about: String, _ schema: Schema) -> Answer {
            Answer(status: status, about: about, content: [("application/json", schema)])
        }

        static func empty(_ status: Int, _ about: String) -> Answer {
            Answer(status: status, about: about, content: [])
        }
    }

    /// Method and path as the route table writes them: `GET /v1/sessions/:id`.
    let route: String
    /// Unique in the document; what generators of clients call the method.
    let id: String
    let summary: String
    let about: String
    let parameters: [Parameter]
    let body: Body?
    let answers: [Answer]
    /// Errors of its own, beside those that follow from the route's declaration (``RouteErrors``).
    let errors: [APIError.Code]
    /// Statuses of errors that the dialect gives for some refusals, where they are not that of a code.
    let otherErrors: [(status: Int, about: String)]

    init(
        _ route: String, _ id: String, _ summary: String, _ about: String = "", _ parameters: [Parameter] = [],
        body: Schema? = nil, bodyIsRequired: Bool = true, bodyType: String = "application/json",
        answers: [Answer], errors: [APIError.Code] = [], otherErrors: [(status: Int, about: String)] = []
    ) {
        self.route = route
        self.id = id
        self.summary = summary
        self.about = about
        self.parameters = parameters
        self.body = body.map { Body(schema: $0, mediaType: bodyType, isRequired: bodyIsRequired) }
        self.answers = answers
        self.errors = errors
        self.otherErrors = otherErrors
    }
}

/// Routes that belong together: a tag of the document and a chapter of the page.
struct RouteFamily: Sendable {
    let tag: String
    let about: String
    let dialect: Dialect
    let routes: [RouteDescription]

    init(_ tag: String, _ about: String, in dialect: Dialect = .native, _ routes: [RouteDescription]) {
        self.tag = tag
        self.about = about
        self.dialect = dialect
        self.routes = routes
    }
}

extension RouteFamily {
    /// Every family, in the order of the document. A dialect adds its own here.
    static let all: [RouteFamily] = [
        .accounts, .signIn, .members, .apiKeys, .sessions, .files, .proofs, .log, .events, .billing, .service,
        .nandaKeys, .nandaRegistry, .nexoraKeys, .nexoraSignIn, .nexoraAgents, .nanoTermWorkspaces, .nanoTermFiles,
        .nanoTermProxy, .nanoTermOrganisation, .nanoTermPages, .nurosentrixTokens, .nurosentrixMachines,
        .nurosentrixBackups,
    ]
}

/// How a dialect's errors look.
struct DialectDescription: Sendable {
    let dialect: Dialect
    /// As a reader knows it.
    let title: String
    let error: Schema
    /// Errors that every route of the dialect can answer with, beside those of any route.
    var everywhere: Set<APIError.Code> = []

    static let all: [DialectDescription] = [.native, .nanda, .nexora, .nanoTerm, .nurosentrix]

    static func of(_ dialect: Dialect) -> DialectDescription? { all.first { $0.dialect.name == dialect.name } }
}

extension DialectDescription {
    static let native = DialectDescription(
        dialect: .native, title: "Nanorix",
        error: .object([
            .required("error", .choice(APIError.Code.self, example: .notFound), "Stable; what programs look at."),
            .required("message", .text("Session not found."), "What is wrong and what to do, for people."),
            .required("status", .integer(400...599, example: 404), "The HTTP status."),
            .optional("field", .text("ttl_seconds"), "The member of the body, or of the query, that is wrong."),
            .optional("reason", .text("monthly_limit"), "Which of several causes it was, where naming it helps."),
        ]).named("Error"))
}

/// The errors that follow from how a route is declared, decided here once for every dialect.
enum RouteErrors {
    static func codes(of route: Route) -> Set<APIError.Code> {
        var codes: Set<APIError.Code> = [.notAcceptable, .rateLimited, .internalError, .unavailable]
        switch route.access {
        case .public: break
        case .key, .optionalKey, .member, .operator: codes.formUnion([.unauthorized, .forbidden])
        }
        if route.setsCookie { codes.insert(.forbidden) }
        // Also where no body is looked at: one that is sent is held to the rules.
        codes.formUnion([.contentTooLarge, .unsupportedMediaType])
        if route.streamsBody { codes.remove(.unsupportedMediaType) }
        if route.method != .get, !route.streamsBody { codes.insert(.badRequest) }
        if let rule = route.idempotency, rule != .notNeeded { codes.formUnion([.conflict, .badRequest]) }
        return codes
    }
}
