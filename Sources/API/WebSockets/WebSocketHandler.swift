import NIOCore
import NIOWebSocket

/// What the server sends on a WebSocket.
enum WebSocketOutput: Sendable {
    case text(ByteBuffer)
    case binary(ByteBuffer)
    /// The last: what is sent after it is dropped.
    case close(WebSocketClose)
}

/// One WebSocket on its event loop, which alone touches its fields: pings and pongs, the closing handshake, clients that
/// stall or are gone. Messages go on to the route, which is suspended while the client does not read.
final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketMessage
    typealias OutboundIn = WebSocketOutput
    typealias OutboundOut = WebSocketFrame

    private let limits: WebSocketLimits
    private var reader: WebSocketReader
    private var isClosing = false
    private var heard = true
    private var pingTimer: Scheduled<Void>?
    private var stallTimer: Scheduled<Void>?
    private var closeTimer: Scheduled<Void>?
    private var writesPending = 0
    private var writesDone = 0
    private var isPongOnItsWay = false
    /// Only the newest ping needs an answer (RFC 6455 §5.5.3), so a flood of them holds one.
    private var owedPong: ByteBuffer?

    init(limits: WebSocketLimits, messageBytesMax: Int) {
        self.limits = limits
        reader = WebSocketReader(messageBytesMax: messageBytesMax, fragmentsMax: limits.fragmentsMax)
    }

    func handlerAdded(context: ChannelHandlerContext) { schedulePing(context) }

    func handlerRemoved(context: ChannelHandlerContext) { cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        cancel()
        context.fireChannelInactive()
    }

    private func cancel() {
        pingTimer?.cancel()
        stallTimer?.cancel()
        closeTimer?.cancel()
        (pingTimer, stallTimer, closeTimer) = (nil, nil, nil)
    }

    // MARK: - From the client

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heard = true
        let frame = unwrapInboundIn(data)
        if isClosing {
            // Whatever else comes, only the other end's closing frame matters now.
            if frame.opcode == .connectionClose { context.close(promise: nil) }
            return
        }
        switch reader.receive(frame) {
        case .nothing: break
        case .deliver(let message): context.fireChannelRead(wrapInboundOut(message))
        case .pong(let data): pong(data, context)
        case .answerClose(let close): self.close(close, context, promise: nil, isAnswer: true)
        case .fail(let close): self.close(close, context, promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // The route reads no more; only the other end's closing frame is waited for.
        if isClosing { context.read() }
    }

    /// The frame decoder met what is no frame: too long, or a control frame in pieces.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? NIOWebSocketError else { return context.fireErrorCaught(error) }
        guard !isClosing else { return context.close(promise: nil) }
        let isTooLarge = error == .invalidFrameLength
        close(
            isTooLarge ? .tooLarge : .protocolError("This is not a valid frame."), context, promise: nil,
            waitingSeconds: limits.lingerSeconds)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: close(.goingAway, context, promise: nil)
        case ChannelEvent.inputClosed: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: - To the client

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isClosing else {
            promise?.succeed()
            return
        }
        switch unwrapOutboundIn(data) {
        case .text(let data): send(WebSocketFrame(fin: true, opcode: .text, data: data), context, promise)
        case .binary(let data): send(WebSocketFrame(fin: true, opcode: .binary, data: data), context, promise)
        case .close(let close): self.close(close, context, promise: promise)
        }
    }

    /// - Parameters:
    ///   - isAnswer: whether the other end has closed already: then the connection ends with this frame.
    ///   - waitingSeconds: how long the other end's closing frame is waited for; nil for the whole time.
    private func close(
        _ close: WebSocketClose, _ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?,
        isAnswer: Bool = false, waitingSeconds: Int64? = nil
    ) {
        guard !isClosing else {
            promise?.succeed()
            return
        }
        isClosing = true
        var data = context.channel.allocator.buffer(capacity: 2 + close.reason.utf8.count)
        data.writeInteger(close.code)
        data.writeString(close.reason)
        send(WebSocketFrame(fin: true, opcode: .connectionClose, data: data), context, promise)
        context.flush()
        // What the other end still sends is read and dropped, so that it gets our frame and not a reset.
        context.read()
        let seconds = isAnswer ? 0 : waitingSeconds ?? limits.closeSecondsMax
        closeTimer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(seconds)) {
            context.close(promise: nil)
        }
    }

    private func send(
        _ frame: WebSocketFrame, _ context: ChannelHandlerContext, _ given: EventLoopPromise<Void>?
    ) {
        let promise = given ?? context.eventLoop.makePromise(of: Void.self)
        writesPending += 1
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.writesPending -= 1
            self.writesDone += 1
        }
        context.write(wrapOutboundOut(frame), promise: promise)
        if stallTimer == nil { watchForStall(context) }
    }

    private func pong(_ data: ByteBuffer, _ context: ChannelHandlerContext) {
        guard !isPongOnItsWay else {
            owedPong = data
            return
        }
        isPongOnItsWay = true
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.isPongOnItsWay = false
            guard let owed = self.owedPong, !self.isClosing else { return }
            self.owedPong = nil
            self.pong(owed, context)
        }
        send(WebSocketFrame(fin: true, opcode: .pong, data: data), context, promise)
        context.flush()
    }

    // MARK: - Clients that are gone

    private func schedulePing(_ context: ChannelHandlerContext) {
        pingTimer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(limits.pingSeconds)) {
            guard !self.isClosing else { return }
            // Nothing came since the last ping, nor before it: half-open.
            guard self.heard || self.writesPending > 0 else { return context.close(promise: nil) }
            self.heard = false
            self.send(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer()), context, nil)
            context.flush()
            self.schedulePing(context)
        }
    }

    private func watchForStall(_ context: ChannelHandlerContext) {
        let done = writesDone
        stallTimer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(limits.stallSecondsMax)) {
            self.stallTimer = nil
            guard self.writesPending > 0 else { return }
            if self.writesDone > done { self.watchForStall(context) } else { context.close(promise: nil) }
        }
    }
}
