import NIOCore
import NIOWebSocket

/// Makes messages of a client's frames, and says what is against the protocol (RFC 6455 §5, §7.4, §8.1). Pure: what it
/// returns, ``WebSocketHandler`` does.
struct WebSocketReader {
    enum Action: Equatable {
        case nothing
        case deliver(WebSocketMessage)
        case pong(ByteBuffer)
        /// The other end closes; this is the answer.
        case answerClose(WebSocketClose)
        /// The other end is wrong.
        case fail(WebSocketClose)
    }

    let messageBytesMax: Int
    let fragmentsMax: Int
    private var opcode: WebSocketOpcode?
    private var fragments = 0
    private var buffer = ByteBuffer()
    private var isClosed = false

    init(messageBytesMax: Int, fragmentsMax: Int) {
        self.messageBytesMax = messageBytesMax
        self.fragmentsMax = fragmentsMax
    }

    mutating func receive(_ frame: WebSocketFrame) -> Action {
        guard !isClosed else { return .nothing }
        let action = step(frame)
        switch action {
        case .answerClose, .fail:
            isClosed = true
            buffer = ByteBuffer()
        case .nothing, .deliver, .pong: break
        }
        return action
    }

    private mutating func step(_ frame: WebSocketFrame) -> Action {
        guard frame.maskKey != nil else { return .fail(.protocolError("A client's frames must be masked.")) }
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return .fail(.protocolError("No extension was agreed on that would use the reserved bits."))
        }
        switch frame.opcode {
        case .ping: return .pong(frame.unmaskedData)
        case .pong: return .nothing
        case .connectionClose: return close(frame.unmaskedData)
        case .text, .binary:
            guard opcode == nil else { return .fail(.protocolError("The message before has not ended.")) }
            opcode = frame.opcode
            return add(frame)
        case .continuation:
            guard opcode != nil else { return .fail(.protocolError("There is no message to continue.")) }
            return add(frame)
        default: return .fail(.protocolError("There is no such opcode."))
        }
    }

    private mutating func add(_ frame: WebSocketFrame) -> Action {
        fragments += 1
        guard buffer.readableBytes + frame.length <= messageBytesMax, fragments <= fragmentsMax else {
            return .fail(.tooLarge)
        }
        var data = frame.unmaskedData
        buffer.writeBuffer(&data)
        guard frame.fin else { return .nothing }
        defer { (opcode, fragments, buffer) = (nil, 0, ByteBuffer()) }
        guard opcode == .text else { return .deliver(.binary(Array(buffer.readableBytesView))) }
        guard let text = String(validating: buffer.readableBytesView, as: UTF8.self) else { return .fail(.notUTF8) }
        return .deliver(.text(text))
    }

    private func close(_ data: ByteBuffer) -> Action {
        var data = data
        guard data.readableBytes > 0 else { return .answerClose(.normal) }
        guard let code = data.readInteger(as: UInt16.self), Self.mayBeSent(code) else {
            return .fail(.protocolError("This closing code may not be sent."))
        }
        guard String(validating: data.readableBytesView, as: UTF8.self) != nil else { return .fail(.notUTF8) }
        return .answerClose(WebSocketClose(code))
    }

    /// Codes that mean something on the wire (RFC 6455 §7.4.1 and IANA's registry).
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1_000...1_003, 1_007...1_014, 3_000...4_999: true
        default: false
        }
    }
}
