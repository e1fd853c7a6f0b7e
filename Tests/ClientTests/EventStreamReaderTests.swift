import Testing

@testable import Client

@Suite("Event streams")
struct EventStreamReaderTests {
    private static let stream =
        ": keep-alive\n\nevent: stdout\ndata: {\"text\":\"grün\"}\n\r\ndata: a\rdata: b\r\n\r\nevent: nothing\n\nevent: last\ndata:x\n\n"
    private static let events = [
        EventStreamReader.Event(name: "stdout", data: #"{"text":"grün"}"#), .init(name: "message", data: "a\nb"),
        .init(name: "last", data: "x"),
    ]

    @Test("are read the same in pieces of any size", arguments: [1, 2, 3, 7, 1_000])
    func pieces(size: Int) throws {
        var reader = EventStreamReader()
        var events: [EventStreamReader.Event] = []
        let bytes = Array(Self.stream.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            events += try reader.receive(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(events == Self.events)
    }

    @Test("an event that never ends is refused instead of held")
    func endless() {
        var reader = EventStreamReader()
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        #expect(throws: ClientError.self) {
            for _ in 0..<16 { _ = try reader.receive(piece) }
        }
    }
}
