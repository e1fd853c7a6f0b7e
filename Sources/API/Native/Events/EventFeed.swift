import EventStore
import CanonicalJSON
import HummingbirdCore
import Ledger
import NIOCore
import Projections
import ServiceLifecycle

/// A customer's events as they happen, as Server-Sent Events whose id is the position to resume after.
///
/// It pulls: a page is read when the one before was taken, so a slow reader holds no memory here. It ends when the
/// caller's key is revoked and when the server stops.
struct EventFeed: BodyStream {
    let reads: ReadModel
    let ledger: LedgerService
    let caller: Principal
    /// Whether the caller's key, or sign-in, still lets it in.
    let isStillAllowed: @Sendable () async -> Bool
    let after: UInt64?
    let format: EventFormat

    /// Longest silence on the connection.
    static let keepAlive = Duration.seconds(10)
    private static let pageEvents = 100

    let contentType = "text/event-stream"

    func write(to writer: inout any ResponseBodyWriter) async throws {
        var position = after
        let ticks = ledger.projections.growth(atLeastEvery: Self.keepAlive)
        // Says that the feed has begun, before anything happens.
        try await writer.write(ByteBuffer(bytes: ServerSentEvent.keepAlive.bytes))
        for await tick in ticks.cancelOnGracefulShutdown() {
            guard await isStillAllowed() else { break }
            let wrote = try await writeNew(after: &position, to: &writer)
            if !wrote, tick == .silence {
                try await writer.write(ByteBuffer(bytes: ServerSentEvent.keepAlive.bytes))
            }
        }
        try await writer.finish(nil)
    }

    /// Writes what is new, a page at a time.
    private func writeNew(after position: inout UInt64?, to writer: inout any ResponseBodyWriter) async throws -> Bool {
        var wrote = false
        while true {
            let events = try reads.feed(for: caller, after: position, limit: Self.pageEvents)
            guard let last = events.last else { return wrote }
            var buffer = ByteBuffer()
            for event in events {
                buffer.writeString("id: \(event.sequence)\n")
                let body = try format.body(of: event, origin: ledger.log.origin)
                buffer.writeBytes(ServerSentEvent(name: event.type, data: body).bytes)
            }
            try await writer.write(buffer)
            position = last.sequence
            wrote = true
        }
    }
}
