import Logging

/// Lines to standard error, whose metadata becomes text only when a line is written. The HTTP server names every request
/// in its logger, and most requests write nothing.
struct ServerLogHandler: LogHandler {
    private let stream: StreamLogHandler
    var logLevel = Logger.Level.info
    var metadataProvider: Logger.MetadataProvider?
    var metadata: Logger.Metadata = [:]

    init(label: String) { stream = .standardError(label: label) }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var event = event
        let provided = metadata.merging(metadataProvider?.get() ?? [:]) { _, provided in provided }
        event.metadata = provided.merging(event.metadata ?? [:]) { _, explicit in explicit }
        stream.log(event: event)
    }
}
