import HTTPTypes
import Ledger
import NIOCore
import NIOHTTPTypes

/// Takes what it can of one connection's requests, and passes the others on with all that belongs to them.
///
/// Answers stay in the order of their requests: nothing is taken here while a request that was passed on still waits, and
/// while an answer is awaited here, whatever else comes is held and nothing more is read.
/// A client that does not take its answers gets no more of them here: its requests are passed on to where reading stops
/// until it does.
final class ImmediateAnswerHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// A request whose end has not come yet.
    private struct Begun {
        let head: HTTPRequest
        let match: ImmediateRoutes.Match
        var body = ByteBuffer()
    }

    private let answering: ImmediateAnswering
    private var peer: InternetAddress?
    private var begun: Begun?
    /// Requests that were passed on and whose answer has not ended.
    private var passedOn = 0
    private var hasWritten = false
    /// What waits until the answer that is awaited here is written; nil while none is.
    private var held: HeldInput?

    init(_ answering: ImmediateAnswering) { self.answering = answering }

    func handlerAdded(context: ChannelHandlerContext) { peer = InternetAddress(of: context.channel) }

    // MARK: - Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if held == nil { receive(unwrapInboundIn(data), context) } else { held?.parts.append(unwrapInboundIn(data)) }
    }

    private func receive(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            if passedOn == 0, context.channel.isWritable, let match = answering.match(head) {
                begun = Begun(head: head, match: match)
            } else {
                passedOn += 1
                context.fireChannelRead(wrapInboundOut(part))
            }
        case .body(var piece):
            if begun == nil {
                context.fireChannelRead(wrapInboundOut(part))
            } else {
                begun?.body.writeBuffer(&piece)
            }
        case .end(let fields):
            guard let request = begun else { return context.fireChannelRead(wrapInboundOut(part)) }
            begun = nil
            take(request, fields, context)
        }
    }

    private func take(_ request: Begun, _ trailers: HTTPFields?, _ context: ChannelHandlerContext) {
        let taken = answering.take(request.head, request.match, body: request.body, peer: peer) {
            let (eventLoop, bound) = (context.eventLoop, NIOLoopBound((self, context), eventLoop: context.eventLoop))
            return { answered in
                eventLoop.execute {
                    let (handler, context) = bound.value
                    handler.finish(answered, context)
                }
            }
        }
        switch taken {
        case .answered(let answer): write(answer, context)
        case .later: held = HeldInput()
        case .refused: passOn(request, trailers, context)
        }
    }

    private func passOn(_ request: Begun, _ trailers: HTTPFields?, _ context: ChannelHandlerContext) {
        passedOn += 1
        context.fireChannelRead(wrapInboundOut(.head(request.head)))
        if request.body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(request.body))) }
        context.fireChannelRead(wrapInboundOut(.end(trailers)))
    }

    /// While an answer is awaited and something is held already, nothing more is read. Before that reading goes on: to stop and
    /// resume it is two system calls, and most clients send nothing before they have their answer.
    func read(context: ChannelHandlerContext) {
        if held?.parts.isEmpty ?? true { context.read() } else { held?.wantsMore = true }
    }

    /// That the client will send nothing more is news for later too: its request is answered first.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if held != nil, case ChannelEvent.inputClosed = event {
            held?.hasEnded = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: - Answers

    /// One write to the socket for all that one read brought.
    func channelReadComplete(context: ChannelHandlerContext) {
        flush(context)
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { passedOn -= 1 }
        context.write(data, promise: promise)
    }

    /// Writes the answer that was awaited, then does what was held meanwhile; a client that is gone is counted and logged.
    private func finish(_ answered: ImmediateAnswering.Answered, _ context: ChannelHandlerContext) {
        let answer = answering.write(answered)
        guard let input = held, context.channel.isActive else { return }
        held = nil
        write(answer, context)
        for part in input.parts {
            if held == nil { receive(part, context) } else { held?.parts.append(part) }
        }
        flush(context)
        if !input.parts.isEmpty { context.fireChannelReadComplete() }
        if input.hasEnded { userInboundEventTriggered(context: context, event: ChannelEvent.inputClosed) }
        if input.wantsMore { read(context: context) }
    }

    private func write(_ answer: ImmediateAnswering.Written, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
        context.write(wrapOutboundOut(.body(context.channel.allocator.buffer(bytes: answer.body))), promise: nil)
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        hasWritten = true
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard hasWritten else { return }
        hasWritten = false
        context.flush()
    }
}

/// What one connection brings while an answer is awaited.
private struct HeldInput {
    var parts: [HTTPRequestPart] = []
    /// Whether somebody asked for more to be read.
    var wantsMore = false
    /// Whether the client has closed its side.
    var hasEnded = false
}
