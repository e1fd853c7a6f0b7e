import Logging

/// The log of the HTTP library. It gives each request a logger of its own, named by a random number; requests have their
/// own id here and a line of their own (``AnswerMiddleware``), so what it would say of each is left out before it is
/// put together.
struct FrameworkLogHandler: LogHandler {
    private let base: Logger
    var logLevel: Logger.Level

    /// A logger for the library that writes where `base` does.
    static func logger(writingTo base: Logger) -> Logger {
        Logger(label: base.label) { _ in FrameworkLogHandler(base: base, logLevel: base.logLevel) }
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set { _ = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set { _ = newValue }
    }

    func log(event: LogEvent) { base.handler.log(event: event) }
}
