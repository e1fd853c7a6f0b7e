import CanonicalJSON
import EventStore
import Ledger
import Projections

/// `GET /v1/sessions/:id/events`, a session's timeline, and `GET /v1/events`, everything that happened to the customer;
/// oldest first, resumed with `after`.
struct EventRoutes: Sendable {
    let reads: ReadModel
    let ledger: LedgerService

    private static let batchType = "application/cloudevents-batch+json"

    var routes: [Route] {
        [
            Route(
                .get, "/v1/sessions/:id/events", .key(.logsRead), produces: ["application/json", Self.batchType],
                handler: timeline),
            Route(
                .get, "/v1/events", .key(.logsRead),
                produces: ["application/json", "text/event-stream", Self.batchType], handler: feed),
        ]
    }

    private func timeline(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        // Somebody else's session is not there, rather than without events.
        let session = try reads.session(try exchange.sessionID(), for: caller)
        let limit = try PageRequest.limit(in: exchange.query)
        let events = try reads.timeline(
            of: session.id, for: caller, after: try Self.position(exchange), limit: limit + 1)
        return try page(events, limit: limit, for: exchange)
    }

    private func feed(_ exchange: Exchange) throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        let after = try Self.position(exchange)
        if exchange.wantsEvents {
            return .stream(
                EventFeed(
                    reads: reads, ledger: ledger, caller: caller, isStillAllowed: exchange.isStillAllowed, after: after,
                    format: Self.format(exchange)))
        }
        let limit = try PageRequest.limit(in: exchange.query)
        let events = try reads.feed(for: caller, after: after, limit: limit + 1)
        return try page(events, limit: limit, for: exchange)
    }

    private func page(_ events: [EventView], limit: Int, for exchange: Exchange) throws(APIError) -> APIResponse {
        let format = Self.format(exchange)
        var bodies: [JSONValue] = []
        for event in events.prefix(limit) { bodies.append(try format.body(of: event, origin: ledger.log.origin)) }
        let shown = JSONValue.array(bodies)
        guard case .native = format else {
            var response = APIResponse.json(shown)
            response.contentType = Self.batchType + "; charset=utf-8"
            return response
        }
        return .json(["data": shown, "has_more": .bool(events.count > limit)])
    }

    /// CloudEvents when `Accept` or `?format=cloudevents` asks for them.
    private static func format(_ exchange: Exchange) -> EventFormat {
        let accept = exchange.accept?.lowercased() ?? ""
        return accept.contains("application/cloudevents") || exchange.query["format"] == "cloudevents"
            ? .cloudEvents : .native
    }

    /// `after`, or what a browser that lost its connection sends instead (WHATWG HTML §9.2.4).
    private static func position(_ exchange: Exchange) throws(APIError) -> UInt64? {
        // Both must be positions, also the one that is not asked.
        let asked = try position(exchange.query["after"])
        return try position(exchange.lastEventID) ?? asked
    }

    private static func position(_ text: String?) throws(APIError) -> UInt64? {
        guard let text else { return nil }
        guard let position = UInt64(text), position <= UInt64(Int64.max) else {
            throw APIError(.badRequest, "`after` must be the `sequence` of the last event seen.", field: "after")
        }
        return position
    }
}

/// How an event is written.
enum EventFormat: Sendable {
    case native
    /// CloudEvents 1.0, JSON event format.
    case cloudEvents

    /// - Parameter origin: the log's name.
    /// - Throws: `internalError` when the projections hold no JSON.
    func body(of event: EventView, origin: String) throws(APIError) -> JSONValue {
        let data: JSONValue
        do { data = try JSONReader.read(Array(event.data.utf8)) } catch { throw .internalError }
        switch self {
        case .native:
            return [
                "sequence": .integer(Int64(event.sequence)), "type": .string(event.type),
                "at": .string(event.at.text), "actor": .string(event.actor), "stream": .string(event.stream),
                "data": data,
            ]
        case .cloudEvents:
            // The position stands for the event's id, which is never shown: it would unblind its commitment.
            return [
                "specversion": "1.0", "id": .string(String(event.sequence)), "source": .string("/" + origin),
                "type": .string(event.type), "subject": .string(event.stream), "time": .string(event.at.text),
                "datacontenttype": "application/json", "actor": .string(event.actor), "data": data,
            ]
        }
    }
}
