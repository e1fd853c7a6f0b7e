import HTTPTypes
import Ledger
import NIOCore
import NIOHTTPTypes

/// Answers what it can of one connection's requests at once, and passes the others on with all that belongs to them.
///
/// Answers stay in the order of their requests: nothing is answered here while a request that was passed on still waits.
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

    init(_ answering: ImmediateAnswering) { self.answering = answering }

    func handlerAdded(context: ChannelHandlerContext) { peer = InternetAddress(of: context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if passedOn == 0, context.channel.isWritable, let match = answering.match(head) {
                begun = Begun(head: head, match: match)
            } else {
                passedOn += 1
                context.fireChannelRead(data)
            }
        case .body(var piece):
            if begun == nil { context.fireChannelRead(data) } else { begun?.body.writeBuffer(&piece) }
        case .end(let fields):
            guard let request = begun else { return context.fireChannelRead(data) }
            begun = nil
            if let answer = answering.answer(request.head, request.match, body: request.body, peer: peer) {
                write(answer.head, answer.body, context)
            } else {
                passOn(request, fields, context)
            }
        }
    }

    /// One write to the socket for all that one read brought.
    func channelReadComplete(context: ChannelHandlerContext) {
        if hasWritten {
            hasWritten = false
            context.flush()
        }
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { passedOn -= 1 }
        context.write(data, promise: promise)
    }

    private func write(_ head: HTTPResponse, _ body: [UInt8], _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(context.channel.allocator.buffer(bytes: body))), promise: nil)
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        hasWritten = true
    }

    private func passOn(_ request: Begun, _ trailers: HTTPFields?, _ context: ChannelHandlerContext) {
        passedOn += 1
        context.fireChannelRead(wrapInboundOut(.head(request.head)))
        if request.body.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(.body(request.body))) }
        context.fireChannelRead(wrapInboundOut(.end(trailers)))
    }
}
