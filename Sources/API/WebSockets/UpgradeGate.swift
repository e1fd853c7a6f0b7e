import EventStore
import Ledger
import NIOCore
import NIOHTTP1
import Projections
import Proofs
import Synchronization

/// What was decided about the one handshake of a connection, for the upgrade that follows.
final class UpgradeDecision: Sendable {
    private let session = Mutex<WebSocketDoor.Session?>(nil)

    func set(_ session: WebSocketDoor.Session) { self.session.withLock { $0 = session } }
    func get() -> WebSocketDoor.Session? { session.withLock { $0 } }
}

/// Owns a connection until its first request has come and, when that is a WebSocket handshake, until it is decided.
///
/// NIO's typed upgrade handler drops a request that it does not upgrade, so every request that is to be answered loses its
/// `Upgrade` here and reaches the router whole. Lives on its channel's event loop, which alone touches its fields.
final class UpgradeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State { case waiting, deciding, open }

    private let door: WebSocketDoor
    private let decision: UpgradeDecision
    private let limits: HTTPServerLimits
    private var state = State.waiting
    private var held: [HTTPServerRequestPart] = []
    private var deadline: Scheduled<Void>?
    private var isStopping = false

    init(door: WebSocketDoor, decision: UpgradeDecision, limits: HTTPServerLimits) {
        self.door = door
        self.decision = decision
        self.limits = limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(limits.idleSecondsMax)) {
            context.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (state, unwrapInboundIn(data)) {
        case (.waiting, .head(var head)):
            guard Self.isHandshake(head), let route = door.route(for: head.uri) else {
                head.headers.remove(name: "upgrade")
                state = .open
                deadline?.cancel()
                return context.fireChannelRead(wrapInboundOut(.head(head)))
            }
            state = .deciding
            held = [.head(head)]
            decide(head, route, context)
        case (.deciding, let part): held.append(part)
        case (_, let part): context.fireChannelRead(wrapInboundOut(part))
        }
    }

    private func decide(_ head: HTTPRequestHead, _ route: WebSocketRoute, _ context: ChannelHandlerContext) {
        let promise = context.eventLoop.makePromise(of: WebSocketDoor.Admission.self)
        let peer = context.channel.remoteAddress?.ipAddress.flatMap { InternetAddress(String($0.prefix { $0 != "%" })) }
        promise.completeWithTask { [door] in await door.admit(head, to: route, from: peer) }
        promise.futureResult.assumeIsolated().whenSuccess { admission in
            self.deadline?.cancel()
            guard context.channel.isActive, !self.isStopping else { return context.close(promise: nil) }
            switch admission {
            case .answer(let response): self.answer(response, context)
            case .session(let session):
                self.decision.set(session)
                self.state = .open
                let held = self.held
                self.held = []
                for part in held { context.fireChannelRead(self.wrapInboundOut(part)) }
                context.fireChannelReadComplete()
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, state != .open {
            isStopping = true
            return context.close(promise: nil)
        }
        if case ChannelEvent.inputClosed = event, state != .open { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    /// What is no HTTP is a 400 in the error format and the end of the connection, as later ``ConnectionGuard`` has it.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard state == .waiting, let error = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        state = .deciding
        answer(
            Dialect.native.answer(to: error == .headerOverflow ? .headersTooLarge : .notHTTP), context)
    }

    private func answer(_ response: APIResponse, _ context: ChannelHandlerContext) {
        var headers = HTTPHeaders([
            ("content-type", response.contentType), ("content-length", String(response.body.count)),
            ("connection", "close"),
        ])
        for (name, value) in response.headers { headers.replaceOrAdd(name: name, value: value) }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    /// A handshake as RFC 6455 §4.2.1 asks for it; anything less is a request like others.
    private static func isHandshake(_ head: HTTPRequestHead) -> Bool {
        let headers = head.headers
        return head.method == .GET && head.version == .http1_1
            && headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && headers["sec-websocket-version"] == ["13"] && headers["sec-websocket-key"].count == 1
            && !headers.contains(name: "content-length") && !headers.contains(name: "transfer-encoding")
    }
}
