/// What one WebSocket may cost.
struct WebSocketLimits: Sendable {
    /// Frames that one message may come in.
    var fragmentsMax = 1_024
    /// Silence after which the other end is asked whether it is still there; twice that, and it is not.
    var pingSeconds: Int64 = 20
    /// Time in which a client takes nothing at all of what is sent.
    var stallSecondsMax: Int64 = 30
    /// From our closing frame to the end of the connection, if the other end does not close.
    var closeSecondsMax: Int64 = 5
    /// The same where nothing of the other end can be understood any more: only for our frame to arrive.
    var lingerSeconds: Int64 = 1
    /// Open at the same time with one key, or as one member.
    var perCallerMax = 100
    /// Open at the same time from one address (IPv6: one /64).
    var perAddressMax = 100
}

/// A message, whole.
enum WebSocketMessage: Sendable, Equatable {
    case text(String)
    case binary([UInt8])
}

/// Why a WebSocket ends: the code (RFC 6455 §7.4) and at most 123 bytes of text.
struct WebSocketClose: Sendable, Equatable {
    static let reasonBytesMax = 123

    let code: UInt16
    let reason: String

    init(_ code: UInt16, _ reason: String = "") {
        self.code = code
        var text = Substring(reason)
        while text.utf8.count > Self.reasonBytesMax { text.removeLast() }
        self.reason = String(text)
    }

    static let normal = WebSocketClose(1_000)
    static let goingAway = WebSocketClose(1_001, "The server is stopping.")
    static func protocolError(_ reason: String) -> WebSocketClose { WebSocketClose(1_002, reason) }
    static let notText = WebSocketClose(1_003, "Only text messages are understood here.")
    static let notUTF8 = WebSocketClose(1_007, "The text is not UTF-8.")
    static let tooLarge = WebSocketClose(1_009, "The message is too large.")
    static let failed = WebSocketClose(1_011, "Something went wrong in the server.")
}
