import Hummingbird
import HTTPTypes
import Ledger
import NIOCore

/// Answers requests on the thread that read them, when nothing has to be waited for: the same admission, frame and route
/// as on the way through Hummingbird's router, without becoming asynchronous (docs/benchmarks.md, "What a read
/// does for speed").
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

    /// The route that may answer at once; nil for every request that needs the other way.
    func match(_ head: HTTPRequest) -> ImmediateRoutes.Match? {
        guard let path = head.path, let match = routes.match(head.method, path) else { return nil }
        let fields = head.headerFields
        guard fields[.connection] == nil, fields[.expect] == nil, fields[.transferEncoding] == nil else { return nil }
        let announced = fields[.contentLength].map { Int($0) } ?? 0
        guard let announced, announced <= Self.bodyBytesMax, announced <= match.entry.route.bodyBytesMax else {
            return nil
        }
        return match
    }

    /// Larger bodies are read with a wait between their pieces.
    private static let bodyBytesMax = 64 << 10

    /// The answer; nil when the request has to take the other way.
    ///
    /// - Parameters:
    ///   - body: all of it.
    ///   - peer: the other end of the connection.
    func answer(
        _ head: HTTPRequest, _ match: ImmediateRoutes.Match, body: ByteBuffer, peer: InternetAddress?
    ) -> (head: HTTPResponse, body: [UInt8])? {
        let start = ContinuousClock.now
        let entry = match.entry
        let request = Request(head: head, body: RequestBody(buffer: body))
        let facts = frame.facts(of: request, peer: peer)
        guard let reserved = admission.reserve(request, facts, route: entry.route) else { return nil }
        guard entry.immediate.isReady(reserved.principal) else {
            admission.giveBack(reserved)
            return nil
        }
        var answer: APIResponse
        do throws(APIError) {
            try admit(request, reserved, facts, entry)
            try RouteAnswering.checkAcceptable(request, entry.route)
            if body.readableBytes > 0 { try RouteAnswering.checkIsJSON(request) }
            guard let made = try entry.immediate.answer(exchange(request, match, body, facts, reserved.principal))
            else {
                // What was in memory a moment ago is not any more. The limits have counted this request twice then.
                admission.giveBack(reserved)
                return nil
            }
            answer = made
        } catch { answer = frame.render(error, in: entry.path.dialect, facts) }
        var fields = answer.fields
        fields.append(HTTPField(name: .contentLength, value: String(answer.body.count)))
        frame.finish(&fields, status: answer.status, to: request, facts, on: entry.path, since: start)
        fields.append(HTTPField(name: .date, value: date.text()))
        fields.append(HTTPField(name: .server, value: serverName))
        return (HTTPResponse(status: .init(code: answer.status), headerFields: fields), answer.body)
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
