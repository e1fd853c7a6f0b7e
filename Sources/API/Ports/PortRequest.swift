import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// One HTTP request to a server inside a session, over a connection of its own.
struct PortRequest: Sendable {
    /// Silence on the connection after which it is given up.
    private static let silenceSecondsMax: Int64 = 300

    let head: HTTPRequest
    let body: ByteBuffer

    private typealias PartChannel = NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>

    /// Sends it, and returns the head of the answer with the rest as a stream.
    ///
    /// - Returns: nil when the server inside ended the connection without an answer.
    func send(over socket: PortSocket) async -> (HTTPResponse, PortAnswerBody)? {
        let answer = PortAnswer()
        let conversation = Task {
            do { try await converse(over: socket, answer) } catch {
                // Cancelled, or the connection broke: whoever still waits is told.
                _ = await answer.give(.broken)
            }
        }
        let body = PortAnswerBody(answer, conversation)
        guard case .head(let head) = await answer.take() else { return nil }
        return (head, body)
    }

    private func converse(over socket: PortSocket, _ answer: PortAnswer) async throws {
        let channel = try await socket.channel { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHTTPClientHandlers()
                try pipeline.addHandlers([
                    HTTP1ToHTTPClientCodec(), IdleStateHandler(allTimeout: .seconds(Self.silenceSecondsMax)),
                    SilenceEnd(),
                ])
                return try PartChannel(wrappingChannelSynchronously: channel)
            }
        }
        try await channel.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Void.self) { group in
                // A server may answer before it has read everything.
                group.addTask {
                    try await outbound.write(.head(head))
                    if body.readableBytes > 0 { try await outbound.write(.body(body)) }
                    try await outbound.write(.end(nil))
                }
                try await Self.pass(inbound, to: answer)
                group.cancelAll()
            }
        }
    }

    private static func pass(
        _ inbound: NIOAsyncChannelInboundStream<HTTPResponsePart>, to answer: PortAnswer
    ) async throws {
        for try await part in inbound {
            let isTaken =
                switch part {
                case .head(let head) where head.status.kind == .informational: true
                case .head(let head): await answer.give(.head(head))
                case .body(let piece): await answer.give(.body(piece))
                case .end: await answer.give(.end)
                }
            if case .end = part { return }
            guard isTaken else { return }
        }
        _ = await answer.give(.broken)
    }
}

/// The body of such an answer. The connection inside ends with it, also when it is never written.
final class PortAnswerBody: BodyStream {
    /// The answer's own header says what it is.
    let contentType = ""
    private let answer: PortAnswer
    private let conversation: Task<Void, Never>

    init(_ answer: PortAnswer, _ conversation: Task<Void, Never>) {
        self.answer = answer
        self.conversation = conversation
    }

    deinit { leave() }

    func write(to writer: inout any ResponseBodyWriter) async throws {
        defer { leave() }
        while true {
            switch await answer.take() {
            case .body(let piece): try await writer.write(piece)
            case .end: return try await writer.finish(nil)
            // What was promised does not come: the connection must show it.
            case .broken, .head: throw ChannelError.inputClosed
            }
        }
    }

    private func leave() {
        conversation.cancel()
        Task { [answer] in await answer.leave() }
    }
}
