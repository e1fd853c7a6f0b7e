import Hummingbird
import HTTPTypes
import Ledger
import NIOCore

/// Takes requests on the thread that read them, without becoming asynchronous, through the same admission, frame and route as
/// on the way through Hummingbird's router: those that are answered from memory are answered at once, those that wait for
/// the disk by whoever learns that it is done (docs/benchmarks.md, "What a read does for speed", "What a sign-up does for
/// speed").
///
/// Whatever is not certain (a member's token, a key that is refused, a block of requests that is used up) takes the other
/// way, before anything is counted or noted.
final class ImmediateAnswering: Sendable {
    private let routes: ImmediateRoutes
    private let admission: RequestAdmission
    private let frame: RequestFrame
    private let serverName: String
    private let date = HTTPDate()

    init(routes: ImmediateRoutes, admission: RequestAdmission, frame: RequestFrame, serverName: String) {
        self.routes = routes
        self.admission = admission
        self.frame = frame
        self.serverName = serverName
    }

    /// The route that may take the request here; nil for every request that needs the other way.
    func match(_ head: HTTPRequest) -> ImmediateRoutes.Match? {
        guard let path = head.path, let match = routes.match(head.method, path) else { return nil }
        let fields = head.headerFields
        guard fields[.connection] == nil, fields[.expect] == nil, fields[.transferEncoding] == nil else { return nil }
        if case .later = match.entry.way, let name = RouteAnswering.idempotencyKey, fields[name] != nil { return nil }
        let announced = fields[.contentLength].map { Int($0) } ?? 0
        guard let announced, announced <= Self.bodyBytesMax, announced <= match.entry.route.bodyBytesMax else {
            return nil
        }
        return match
    }

    /// Larger bodies are read with a wait between their pieces.
    private static let bodyBytesMax = 64 << 10

    /// An answer as it is written.
    struct Written {
        let head: HTTPResponse
        let body: [UInt8]
    }

    /// What became of a request.
    enum Taken {
        case answered(Written)
        /// The answer comes later, once.
        case later
        /// The request has to take the other way.
        case refused
    }

    /// A request that is taken, on its way to its answer and through several hands there.
    fileprivate final class Begun: Sendable {
        let request: Request
        let facts: RequestFacts
        let path: RequestFrame.KnownPath
        let start: ContinuousClock.Instant

        init(
            _ request: Request, _ facts: RequestFacts, _ path: RequestFrame.KnownPath,
            since start: ContinuousClock.Instant
        ) {
            self.request = request
            self.facts = facts
            self.path = path
            self.start = start
        }
    }

    /// What is known when a deferred answer is there, still to be written.
    struct Answered: Sendable {
        fileprivate let begun: Begun
        fileprivate let result: Result<APIResponse, APIError>
    }

    /// Takes a request.
    ///
    /// - Parameters:
    ///   - body: all of it.
    ///   - peer: the other end of the connection.
    ///   - later: makes what is called once when this says ``Taken/later``, from any thread; its argument is for ``write(_:)``.
    func take(
        _ head: HTTPRequest, _ match: ImmediateRoutes.Match, body: ByteBuffer, peer: InternetAddress?,
        later: () -> @Sendable (Answered) -> Void
    ) -> Taken {
        let start = ContinuousClock.now
        let entry = match.entry
        let request = Request(head: head, body: RequestBody(buffer: body))
        let begun = Begun(request, frame.facts(of: request, peer: peer), entry.path, since: start)
        guard let reserved = admission.reserve(request, begun.facts, route: entry.route) else { return .refused }
        if case .atOnce(let immediate) = entry.way, !immediate.isReady(reserved.principal) {
            admission.giveBack(reserved)
            return .refused
        }
        do throws(APIError) {
            try admit(request, reserved, begun.facts, entry)
            try RouteAnswering.checkAcceptable(request, entry.route)
            if body.readableBytes > 0 { try RouteAnswering.checkIsJSON(request) }
            let exchange = exchange(request, match, body, begun.facts, reserved.principal)
            switch entry.way {
            case .atOnce(let immediate):
                guard let answer = try immediate.answer(exchange) else {
                    // What was in memory a moment ago is not any more. The limits have counted this request twice then.
                    admission.giveBack(reserved)
                    return .refused
                }
                return .answered(write(answer, begun))
            case .later(let deferred):
                let answerLater = later()
                try deferred.begin(exchange) { answerLater(Answered(begun: begun, result: $0)) }
                return .later
            }
        } catch { return .answered(write(frame.render(error, in: begun.path.dialect, begun.facts), begun)) }
    }

    /// The answer with everything that every answer has; counts and logs the request. To be called once for each.
    func write(_ answered: Answered) -> Written {
        let begun = answered.begun
        switch answered.result {
        case .success(let answer): return write(answer, begun)
        case .failure(let error): return write(frame.render(error, in: begun.path.dialect, begun.facts), begun)
        }
    }

    private func write(_ answer: APIResponse, _ begun: Begun) -> Written {
        var fields = answer.fields
        fields.append(HTTPField(name: .contentLength, value: String(answer.body.count)))
        frame.finish(
            &fields, status: answer.status, to: begun.request, begun.facts, on: begun.path, since: begun.start)
        fields.append(HTTPField(name: .date, value: date.text()))
        fields.append(HTTPField(name: .server, value: serverName))
        return Written(head: HTTPResponse(status: .init(code: answer.status), headerFields: fields), body: answer.body)
    }

    /// Everything that can refuse a request before its route is asked.
    private func admit(
        _ request: Request, _ reserved: RequestAdmission.Reserved, _ facts: RequestFacts, _ entry: ImmediateRoutes.Entry
    ) throws(APIError) {
        do throws(APIError) { try frame.admit(request, facts, to: entry.path.dialect) } catch {
            admission.giveBack(reserved)
            throw error
        }
        try admission.admit(reserved, facts, route: entry.route)
        if let principal = reserved.principal { try RequestAdmission.check(principal, on: entry.route) }
    }

    private func exchange(
        _ request: Request, _ match: ImmediateRoutes.Match, _ body: ByteBuffer, _ facts: RequestFacts,
        _ principal: Principal?
    ) -> Exchange {
        var parameters: [String: String] = [:]
        if let name = match.entry.parameter, let captured = match.captured { parameters[name] = captured }
        var exchange = Exchange(
            parameters: parameters, query: [:], body: Array(body.readableBytesView), trace: facts.trace,
            principal: principal)
        exchange.headers = request.headers
        return exchange
    }
}
