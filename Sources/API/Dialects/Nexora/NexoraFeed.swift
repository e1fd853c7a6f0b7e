import CanonicalJSON
import EventStore
import Ledger
import NIOCore
import NIOHTTP1
import Projections
import Proofs
import ServiceLifecycle

/// `/api/ws/{chat_id}`: the live events of the session, or the agent, that it names. `?after=` resumes behind a position.
///
/// It pulls: a page is read when the one before was taken, so a slow reader holds no memory here.
struct NexoraFeed: Sendable {
    /// What is followed.
    private enum Subject: Sendable {
        case session(SessionID)
        case agent(AgentName)
    }

    let reads: ReadModel
    let ledger: LedgerService

    private static let subprotocol = "nexora-bearer"
    private static let pageEvents = 100
    private static let keepAlive = Duration.seconds(60)

    var route: WebSocketRoute {
        WebSocketRoute(
            "/api/ws/:chat_id", .logsRead, refusals: .closing(Self.close), credential: Self.credential, open: open)
    }

    /// The subprotocol, then the header, then the query.
    private static func credential(
        _ headers: HTTPHeaders, _ query: [String: String]
    ) -> WebSocketRoute.Credential? {
        let offered = headers[canonicalForm: "sec-websocket-protocol"].map(String.init)
        if offered.first == subprotocol, offered.count == 2 {
            return .init(token: offered[1], subprotocol: subprotocol)
        }
        if let header = headers.first(name: "authorization") {
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return .init(token: String(parts[1]))
        }
        return query["token"].map { .init(token: $0) }
    }

    private static func close(for error: APIError) -> WebSocketClose {
        switch error.code {
        case .unauthorized: WebSocketClose(4_001, error.message)
        case .forbidden: WebSocketClose(4_003, error.message)
        case .notFound: WebSocketClose(4_004, error.message)
        case .rateLimited: WebSocketClose(4_029, error.message)
        case .unavailable: WebSocketClose(1_013, error.message)
        case .internalError: .failed
        default: WebSocketClose(1_008, error.message)
        }
    }

    private func open(_ request: WebSocketRequest) throws(APIError) -> WebSocketRoute.Body {
        let caller = request.caller
        let subject = try subject(request.parameter("chat_id"), for: caller)
        var after = try request.query["after"].map { text throws(APIError) in
            guard let position = UInt64(text), position <= UInt64(Int64.max) else {
                throw APIError(.badRequest, "`after` must be the `sequence` of the last event seen.", field: "after")
            }
            return position
        }
        // Without a position only what happens from now on.
        if after == nil, ledger.projections.position > 0 { after = ledger.projections.position - 1 }
        let id = request.parameter("chat_id")
        let start = after
        return { connection in try await run(subject, id: id, after: start, for: caller, on: connection) }
    }

    /// - Throws: `notFound` for what is not there, not the caller's, or of the other environment.
    private func subject(_ text: String, for caller: Principal) throws(APIError) -> Subject {
        let parts = text.split(separator: "_", maxSplits: 1)
        let isSession = parts.count == 2 && ["sess", "ws", "inst"].contains(parts[0])
        if let id = SessionID.uuid(text) ?? (isSession ? SessionID("sess_" + parts[1]) : nil) {
            return .session(try reads.session(id, for: caller).id)
        }
        guard let name = AgentName(text), caller.environment == .live, isOwn(name, caller) else {
            throw APIError(.notFound, "There is no such chat. Name one of your sessions or agents.")
        }
        return .agent(name)
    }

    private func isOwn(_ name: AgentName, _ caller: Principal) -> Bool {
        ledger.read { $0.agent(name)?.customerID == caller.customerID }
    }

    private func run(
        _ subject: Subject, id: String, after: UInt64?, for caller: Principal, on connection: WebSocketConnection
    ) async throws -> WebSocketClose {
        try await connection.send([
            "type": "connected", "chat_id": .string(id),
            "position": after.map { .integer(Int64(clamping: $0)) } ?? .null,
        ])
        return try await withThrowingTaskGroup(of: WebSocketClose.self) { group in
            group.addTask { try await listen(to: connection) }
            group.addTask { try await follow(subject, after: after, for: caller, on: connection) }
            defer { group.cancelAll() }
            return try await group.next() ?? .normal
        }
    }

    /// Answers what the client says, until it closes.
    private func listen(to connection: WebSocketConnection) async throws -> WebSocketClose {
        for try await message in connection.inbound {
            guard case .text(let text) = message else { return .notText }
            try await connection.send(Self.answer(to: text))
        }
        return .normal
    }

    private static func answer(to text: String) -> JSONValue {
        let value: JSONValue
        do { value = try JSONReader.read(Array(text.utf8), numbers: .ieee754) } catch {
            return ["type": "error", "code": "invalid_message", "message": "Send JSON objects with a `type`."]
        }
        switch value["type"]?.string {
        case "ping": return ["type": "pong"]
        case "message":
            return [
                "type": "error", "code": "not_supported", "client_message_id": value["client_message_id"] ?? .null,
                "message": "This feed takes no messages. Run commands with POST /v1/sessions/:id/exec.",
            ]
        default: return ["type": "error", "code": "unknown_type", "message": "Send a `type` of ping."]
        }
    }

    /// Sends what is new, a page at a time, until there will be nothing more.
    private func follow(
        _ subject: Subject, after: UInt64?, for caller: Principal, on connection: WebSocketConnection
    ) async throws -> WebSocketClose {
        var position = after
        for await _ in ledger.projections.growth(atLeastEvery: Self.keepAlive) {
            // Asked before reading: what happens in between is in the page.
            let isOver = try isOver(subject, caller)
            while true {
                let events = try events(of: subject, for: caller, after: position)
                guard let last = events.last else { break }
                for event in events { try await connection.send(try body(of: event)) }
                position = last.sequence
            }
            if isOver { return WebSocketClose(1_000, "There will be no more events.") }
        }
        return .goingAway
    }

    /// Whether nothing more can happen to the subject.
    private func isOver(_ subject: Subject, _ caller: Principal) throws(APIError) -> Bool {
        switch subject {
        case .session(let id): !(try reads.session(id, for: caller).status.isLive)
        case .agent(let name):
            try reads.reading { () throws(ProjectionError) in try reads.store.agent(name) == nil }
        }
    }

    private func events(
        of subject: Subject, for caller: Principal, after: UInt64?
    ) throws(APIError) -> [EventView] {
        switch subject {
        case .session(let id): try reads.timeline(of: id, for: caller, after: after, limit: Self.pageEvents)
        case .agent(let name):
            try reads.reading { () throws(ProjectionError) in
                try reads.store.timeline(
                    ofAgent: name, customer: caller.customerID, after: after, limit: Self.pageEvents)
            }
        }
    }

    private func body(of event: EventView) throws(APIError) -> JSONValue {
        guard case .object(var body) = try EventFormat.native.body(of: event, origin: ledger.log.origin) else {
            throw .internalError
        }
        body["event"] = .string(event.type)
        body["type"] = "event"
        return .object(body)
    }
}
