import NIOCore

/// What one client may cost the HTTP server before anything is asked of the application.
struct HTTPServerLimits: Sendable {
    /// One header field, name and value.
    var headerFieldBytesMax = 16 << 10
    /// All header fields of a request.
    var headerBytesMax = 32 << 10
    var headerFieldsMax = 100
    /// Time between two requests, and from the connection to the first one's header.
    var idleSecondsMax: Int64 = 60
    /// From a request's header to the end of its body.
    var requestSecondsMax: Int64 = 60
    /// Time in which a client takes nothing at all of an answer.
    var stallSecondsMax: Int64 = 60
    /// An answer goes out in pieces of this size; taking one in ``stallSecondsMax`` is enough.
    var pieceBytes = 64 << 10
}
