import EventStore
import HTTPTypes
import HummingbirdCore
import Ledger

/// One method on one path: who may call it, and what it does.
struct Route: Sendable {
    enum Method: String, Sendable, CaseIterable {
        case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
    }

    /// Who may call a route. Every route says so; there is no default.
    enum Access: Sendable, Equatable {
        /// Anyone, without a key.
        case `public`
        /// Whoever holds an active key, or is a signed-in member, with these permissions.
        case key(Permissions)
        /// Anyone without a key; who shows one, or is signed in, needs these permissions and acts as themselves.
        case optionalKey(Permissions)
        /// A signed-in member, whatever their role.
        case member
        /// The server's operator; such a route exists on the administration socket only.
        case `operator`
    }

    let method: Method
    /// Segments separated by `/`; `:name` captures one, `**` at the end all that follow.
    let path: String
    let access: Access
    /// Largest body accepted, in bytes.
    var bodyBytesMax = 1 << 20
    /// A limit for each client address beside the overall one.
    var addressLimit: RequestLimits.AddressRule?
    /// Whether pages of any origin may use it from a browser: what is public and costs nobody anything.
    var isForAnyOrigin = false
    /// Whether it signs browsers in or out: a page of another origin may not make it do so.
    var setsCookie = false
    /// The media types it can answer with; none where somebody else decides that.
    var produces = ["application/json"]
    /// What it does about an `Idempotency-Key`; every `POST` says so.
    var idempotency: IdempotencyRule?
    /// Whether it reads anything that other requests have done, and so waits until all that was answered for can be read.
    var readsProjections = true
    /// Whether the handler takes the body piece by piece, as it comes and of any type, instead of whole and JSON.
    var streamsBody = false
    /// A second, faster way to the same answer; see ``ImmediateAnswering``.
    let immediate: ImmediateAnswer?
    /// The same for an answer that waits for the disk; see ``ImmediateAnswering``.
    let deferred: DeferredAnswer?
    let handler: @Sendable (Exchange) async throws(APIError) -> APIResponse

    init(
        _ method: Method, _ path: String, _ access: Access, bodyBytesMax: Int = 1 << 20,
        addressLimit: RequestLimits.AddressRule? = nil, idempotency: IdempotencyRule? = nil,
        isForAnyOrigin: Bool = false, setsCookie: Bool = false, produces: [String] = ["application/json"],
        readsProjections: Bool = true, streamsBody: Bool = false,
        immediate: ImmediateAnswer? = nil, deferred: DeferredAnswer? = nil,
        handler: @escaping @Sendable (Exchange) async throws(APIError) -> APIResponse
    ) {
        self.method = method
        self.path = path
        self.access = access
        self.bodyBytesMax = bodyBytesMax
        self.addressLimit = addressLimit
        self.idempotency = idempotency
        self.isForAnyOrigin = isForAnyOrigin
        self.setsCookie = setsCookie
        self.produces = produces
        self.readsProjections = readsProjections
        self.streamsBody = streamsBody
        self.immediate = immediate
        self.deferred = deferred
        self.handler = handler
    }

    /// Whether `**` ends the path.
    var capturesRest: Bool { path.hasSuffix("**") }
}

/// How a route answers without waiting for anything: in microseconds, from what is in memory or in the pages of the
/// projections.
struct ImmediateAnswer: Sendable {
    /// Whether what the answer needs is in memory at the moment.
    var isReady: @Sendable (Principal?) -> Bool = { _ in true }
    /// The answer; nil when it would have to wait after all, and the route's handler is to be asked.
    let answer: @Sendable (Exchange) throws(APIError) -> APIResponse?
}

/// How a route takes a request without becoming asynchronous, and answers when what it waits for is done. Only for requests
/// without an idempotency key.
struct DeferredAnswer: Sendable {
    /// Takes the request: throws what refuses it, or calls back once, from any thread, in microseconds.
    let begin: @Sendable (Exchange, @escaping Answer) throws(APIError) -> Void

    typealias Answer = @Sendable (Result<APIResponse, APIError>) -> Void
}

/// A request on its way through a route.
struct Exchange: Sendable {
    /// The path as it was sent, not decoded.
    var path = ""
    /// What the path captured, by name.
    let parameters: [String: String]
    /// What `**` at the path's end captured, as it was sent.
    var rest = ""
    /// Query members by name; of a repeated one the first.
    let query: [String: String]
    /// The query as it was sent, without its question mark.
    var queryText: String?
    let body: [UInt8]
    /// The body piece by piece, on routes that stream it.
    var bodyStream: RequestBody?
    /// The request's header fields; few routes look at any, and the proxy passes them on.
    var headers = HTTPFields()
    /// The server's own request id; goes into events.
    let trace: String
    /// Who asks; nil on public routes.
    let principal: Principal?
    /// Set when the request came with an idempotency key that the route heeds.
    var idempotent: IdempotentRequest?
    /// Asks again who sent the request; nil where nobody asks.
    var reidentification: Reidentification?

    /// Whether the same request would still be let in: what answers that go on for long ask from time to time.
    func isStillAllowed() async -> Bool { await reidentification?.succeeds() ?? true }

    /// Who asks, on a route that needs a key.
    func caller() throws(APIError) -> Principal {
        guard let principal else { throw .unauthorized }
        return principal
    }

    /// For the commit of the request's effect: remembers the request together with its answer, which is made from the
    /// decided events and must be what the route then answers.
    func remembering(_ answer: @escaping @Sendable ([EventDraft]) -> APIResponse?) -> Idempotency? {
        idempotent.map { request in
            .record(
                RecordRequest(keySHA256: request.keySHA256, requestSHA256: request.requestSHA256) { drafts in
                    answer(drafts).flatMap(request.seal)
                })
        }
    }

    /// The `Accept` header.
    var accept: String? { headers[.accept] }

    /// The `Last-Event-ID` header of a client that resumes a feed.
    var lastEventID: String? { Self.lastEventIDName.flatMap { headers[$0] } }

    /// The `Stripe-Signature` header of a webhook.
    var stripeSignature: String? { Self.stripeSignatureName.flatMap { headers[$0] } }

    private static let lastEventIDName = HTTPField.Name("Last-Event-ID")
    private static let stripeSignatureName = HTTPField.Name("Stripe-Signature")

    /// Whether the answer is wanted as Server-Sent Events.
    var wantsEvents: Bool { accept?.lowercased().contains("text/event-stream") ?? false }

    /// The captured part called `name`.
    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    /// The members of the JSON body.
    func members() throws(APIError) -> RequestMembers { try RequestMembers(body: body) }
}
