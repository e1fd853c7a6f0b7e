import CanonicalJSON

/// Makes events of the bytes of a `text/event-stream` (WHATWG HTML §9.2.6), as they come in pieces of any size. Pure.
struct EventStreamReader: Sendable {
    struct Event: Sendable, Equatable {
        let name: String
        let data: String
    }

    /// Longest line and longest event, in bytes.
    private static let bytesMax = 8 << 20

    private var line: [UInt8] = []
    private var name = ""
    private var data: [String] = []
    private var dataBytes = 0
    private var lastWasReturn = false

    /// - Throws: ``ClientError/Code/unexpected`` for an event that never ends.
    mutating func receive(_ bytes: some Sequence<UInt8>) throws(ClientError) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            // CR, LF and CRLF all end a line.
            defer { lastWasReturn = byte == 0x0D }
            if byte == 0x0A, lastWasReturn { continue }
            guard byte == 0x0A || byte == 0x0D else {
                guard line.count + dataBytes < Self.bytesMax else {
                    throw ClientError(.unexpected, "The server's event stream holds an event that does not end.")
                }
                line.append(byte)
                continue
            }
            if let event = endLine() { events.append(event) }
        }
        return events
    }

    private mutating func endLine() -> Event? {
        let text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        guard !text.isEmpty else {
            defer { (name, data, dataBytes) = ("", [], 0) }
            return data.isEmpty ? nil : Event(name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
        }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count == 2 ? parts[1] : ""
        if value.hasPrefix(" ") { value = value.dropFirst() }
        switch parts[0] {
        case "event": name = String(value)
        case "data":
            data.append(String(value))
            dataBytes += value.utf8.count
        default: break
        }
        return nil
    }
}
