import CanonicalJSON

/// Events as they are shown.
enum EventSchemas {
    static let event = Schema.object([
        .required("sequence", .count(17), "The position in the log; what a feed resumes after."),
        .required("type", .text("session.created")), .required("at", .time()),
        .required("actor", .text("key_a8f3e71c4b2d9f06a8f3e71c4b2d9f06")),
        .required("stream", .text("sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06")), .required("data", .anything),
    ]).named("Event")

    static let cloudEvent = Schema.object([
        .required("specversion", .choice(["1.0"])), .required("id", .text("17")),
        .required("source", .text("/nrx-ledger.example")), .required("type", .text("session.created")),
        .required("subject", .text("sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06")), .required("time", .time()),
        .required("datacontenttype", .choice(["application/json"])), .required("data", .anything),
    ]).named("CloudEvent")

    static let parameters: [RouteDescription.Parameter] = [
        .query("limit", .integer(1...100, example: 20), "Events of the answer."),
        .query("after", .integer(0...Int64.max, example: 17), "The `sequence` of the last event seen."),
        .query("format", .text("cloudevents"), "`cloudevents` for CloudEvents 1.0, as `Accept` can ask for too."),
    ]

    static func answer(_ about: String, streams: Bool) -> RouteDescription.Answer {
        var content: [(mediaType: String, schema: Schema)] = [
            ("application/json", .page(of: event)), ("application/cloudevents-batch+json", .array(cloudEvent)),
        ]
        if streams { content.append(("text/event-stream", .text("id: 17\nevent: session.created\ndata: {…}\n\n"))) }
        return RouteDescription.Answer(status: 200, about: about, content: content)
    }
}

extension RouteFamily {
    static let events = RouteFamily(
        "Events", "Everything that happened to the customer, in the order of the log; also as it happens.",
        [
            RouteDescription(
                "GET /v1/events", "listEvents", "The customer's feed",
                """
                Oldest first. With `Accept: text/event-stream` it goes on as things happen; each event's `id` is its position, \
                so that a client resumes with `Last-Event-ID`.
                """,
                EventSchemas.parameters + [
                    .header(
                        "Last-Event-ID", .text("17", pattern: "^[0-9]{1,15}$"),
                        "What a browser that lost its connection sends.")
                ],
                answers: [EventSchemas.answer("The events.", streams: true)], errors: [.badRequest])
        ])
}
