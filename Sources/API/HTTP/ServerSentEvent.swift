import CanonicalJSON

/// One event of a `text/event-stream` answer (WHATWG HTML §9.2).
struct ServerSentEvent: Sendable, Equatable {
    /// nil for a comment that only keeps the connection alive.
    let name: String?
    let data: JSONValue

    /// Says nothing, but keeps proxies and clients from giving up on a quiet command.
    static let keepAlive = ServerSentEvent(name: nil, data: .null)

    /// The bytes on the wire. Canonical JSON holds no newline, so one `data` line is enough.
    var bytes: [UInt8] {
        guard let name else { return Array(": keep-alive\n\n".utf8) }
        return Array("event: \(name)\ndata: ".utf8) + data.canonicalBytes + Array("\n\n".utf8)
    }
}

/// Text out of pieces of bytes that may break inside a character.
struct TextPieces: Sendable {
    private var unfinished: [UInt8] = []

    /// The text that is complete with `bytes`; what can still become a character is kept for the next piece.
    mutating func take(_ bytes: [UInt8]) -> String {
        let all = unfinished + bytes
        let kept = Self.unfinishedBytes(at: all)
        unfinished = Array(all.suffix(kept))
        return String(decoding: all.dropLast(kept), as: UTF8.self)
    }

    /// What is left at the end, with replacement characters.
    mutating func rest() -> String {
        defer { unfinished = [] }
        return String(decoding: unfinished, as: UTF8.self)
    }

    /// How many bytes at the end begin a character that is not whole yet.
    private static func unfinishedBytes(at bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let byte = bytes[bytes.count - count]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > count ? count : 0
        }
        return 0
    }
}
