import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Guards one connection, or one HTTP/2 stream, against clients that send or take bytes too slowly, and answers what is
/// no HTTP at all. Lives on its channel's event loop, which alone touches its fields.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: HTTPServerLimits
    private let dialect: Dialect
    private var isReadingRequest = false
    /// Runs from the first part of a request to its end.
    private var requestDeadline: Scheduled<Void>?
    /// Runs while something of an answer waits for the client to take it.
    private var stallDeadline: Scheduled<Void>?
    private var writesPending = 0
    private var writesDone = 0
    /// Requests that have begun and whose answer has not ended.
    private var answersOwed = 0

    init(limits: HTTPServerLimits, dialect: Dialect) {
        self.limits = limits
        self.dialect = dialect
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        cancel()
        context.fireChannelInactive()
    }

    private func cancel() {
        requestDeadline?.cancel()
        stallDeadline?.cancel()
        (requestDeadline, stallDeadline) = (nil, nil)
    }

    // MARK: - Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            answersOwed += 1
            isReadingRequest = true
        case .body: break
        case .end:
            isReadingRequest = false
            requestDeadline?.cancel()
            requestDeadline = nil
        }
        context.fireChannelRead(data)
    }

    /// Most requests come whole in one read and need no deadline.
    func channelReadComplete(context: ChannelHandlerContext) {
        if isReadingRequest, requestDeadline == nil {
            requestDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(limits.requestSecondsMax)) {
                context.close(promise: nil)
            }
        }
        context.fireChannelReadComplete()
    }

    /// What is no HTTP is a 400 in the error format and the end of the connection; in the middle of a request or an answer
    /// there is no room for one.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, answersOwed == 0 else {
            context.fireErrorCaught(error)
            return
        }
        answersOwed += 1
        let answer = dialect.answer(to: error == .headerOverflow ? .headersTooLarge : .notHTTP)
        var fields = HTTPFields()
        fields[.contentType] = answer.contentType
        fields[.contentLength] = String(answer.body.count)
        fields[.connection] = "close"
        let head = HTTPResponse(status: .init(code: answer.status), headerFields: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(ByteBuffer(bytes: answer.body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    // MARK: - Answers

    /// Long bodies go out in pieces, so that a client that takes them slowly is seen to take them.
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .body(var body) where body.readableBytes > limits.pieceBytes:
            while body.readableBytes > limits.pieceBytes, let piece = body.readSlice(length: limits.pieceBytes) {
                writeWatched(.body(piece), context, nil)
            }
            writeWatched(.body(body), context, promise)
        case .end(let fields):
            answersOwed -= 1
            // Behind a piece that is watched it needs no watch of its own; afterwards the connection is idle, which has its
            // own limit.
            if writesPending > 0 {
                context.write(data, promise: promise)
            } else {
                writeWatched(.end(fields), context, promise)
            }
        case .body(let body): writeWatched(.body(body), context, promise)
        case .head:
            // Nothing to watch: what follows it, if only the end, is written behind it.
            context.write(data, promise: promise)
        }
    }

    private func writeWatched(
        _ part: HTTPResponsePart, _ context: ChannelHandlerContext, _ given: EventLoopPromise<Void>?
    ) {
        let promise = given ?? context.eventLoop.makePromise(of: Void.self)
        writesPending += 1
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.writesPending -= 1
            self.writesDone += 1
        }
        context.write(wrapOutboundOut(part), promise: promise)
        if stallDeadline == nil { watchForStall(context) }
    }

    private func watchForStall(_ context: ChannelHandlerContext) {
        let done = writesDone
        stallDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(limits.stallSecondsMax)) {
            self.stallDeadline = nil
            guard self.writesPending > 0 else { return }
            if self.writesDone > done { self.watchForStall(context) } else { context.close(promise: nil) }
        }
    }
}

extension APIError {
    static let notHTTP = APIError(.badRequest, "This is not a valid HTTP request.")
    static let headersTooLarge = APIError(
        .headersTooLarge, "The header of the request is too large. Send fewer or shorter fields.")
}
