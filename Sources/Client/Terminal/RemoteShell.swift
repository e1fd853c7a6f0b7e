import CanonicalJSON
import Foundation
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A shell in a session, on the terminal that this program runs in.
///
/// ```swift
/// let end = try await RemoteShell(session: id, client: client).run()
/// ```
public struct RemoteShell: Sendable {
    /// How it ended.
    public enum End: Sendable, Equatable {
        /// The shell did, with this exit code; nil when a signal or the session's end ended it.
        case exited(Int32?)
        /// Whoever sat there left with Enter `~` `.`.
        case left
        /// This program was asked to end.
        case signalled(Int32)
    }

    private let session: String
    private let client: APIClient

    public init(session: String, client: APIClient) {
        self.session = session
        self.client = client
    }

    /// Takes this program's terminal, runs the shell to its end, and gives the terminal back whatever happens.
    ///
    /// - Parameters:
    ///   - output: where what it shows goes.
    ///   - errors: where what the server says beside that goes.
    /// - Throws: ``ClientError`` when it was refused, or its end was not seen.
    public func run(
        output: OutputFile = .standardOutput, errors: OutputFile = .standardError
    ) async throws(ClientError) -> End {
        var query: [(name: String, value: String)] = []
        if let size = LocalTerminal.size {
            query = [("cols", String(size.columns)), ("rows", String(size.rows))]
        }
        let request = APIRequest(
            .get, "/api/workspaces/\(APIRequest.encoded(session))/terminal", query: query)
        // Refused before the terminal is touched.
        let socket = try await client.openTerminal(request).socket
        do {
            return try await socket.executeThenClose { inbound, outbound in
                let terminal = try LocalTerminal()
                return try await withThrowingTaskGroup(of: End?.self) { group in
                    group.addTask { try await Self.show(inbound, answering: outbound, output, errors) }
                    group.addTask { try await Self.type(from: terminal, to: outbound) }
                    group.addTask { try await Self.follow(terminal, to: outbound) }
                    let result: Result<End, any Error>
                    do { result = .success(try await Self.first(of: &group)) } catch { result = .failure(error) }
                    // Also ends the wait for keys, before the group waits for it.
                    await terminal.giveBack()
                    if case .success(.exited) = result {
                        // Whether the server still hears it changes nothing.
                        try? await outbound.write(Self.frame(.connectionClose, Self.goodbye))
                    }
                    group.cancelAll()
                    return try result.get()
                }
            }
        } catch {
            throw error as? ClientError
                ?? ClientError(.network, "The connection broke; the shell is ended: \(error).")
        }
    }

    private static func first(of group: inout ThrowingTaskGroup<End?, any Error>) async throws -> End {
        while let end = try await group.next() { if let end { return end } }
        throw ClientError(.network, "The connection ended before the shell did.")
    }

    /// Shows what comes, until it says how it ended.
    private static func show(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
        answering outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>, _ output: OutputFile, _ errors: OutputFile
    ) async throws -> End? {
        for try await frame in inbound {
            switch frame.opcode {
            case .text:
                let message = try JSONReader.read(Array(frame.unmaskedData.readableBytesView), numbers: .ieee754)
                switch message["type"]?.string {
                case "stdout":
                    guard let data = message["data"]?.string.flatMap({ Data(base64Encoded: $0) }) else {
                        throw ClientError(.unexpected, "The server sent output that is not base64.")
                    }
                    try await output.write(Array(data))
                case "exit": return .exited(message["exitCode"]?.integer.map { Int32(clamping: $0) })
                case "error":
                    try await errors.write("nrx: \(Rendering.printable(message["message"]?.string ?? "?"))\r\n")
                default: break
                }
            case .ping: try await outbound.write(Self.frame(.pong, frame.unmaskedData))
            case .connectionClose:
                throw ClientError(.network, "The server closed the terminal\(reason(frame)).")
            default: break
            }
        }
        throw ClientError(.network, "The connection ended before the shell did.")
    }

    /// Sends what is typed, until whoever types leaves.
    private static func type(
        from terminal: LocalTerminal, to outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws -> End? {
        var escape = EscapeSequence()
        while let typed = try await terminal.read() {
            var (bytes, leaves) = (typed, false)
            if terminal.isInteractive { (bytes, leaves) = escape.pass(typed) }
            if !bytes.isEmpty { try await outbound.write(input(bytes)) }
            if leaves { return .left }
        }
        // A script that was typed ends as a person ends it: with Ctrl-D.
        if !terminal.isInteractive, !Task.isCancelled { try await outbound.write(input([endOfTransmission])) }
        return nil
    }

    /// Tells of other sizes, until this program is asked to end.
    private static func follow(
        _ terminal: LocalTerminal, to outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws -> End? {
        while let happening = try await terminal.happening() {
            switch happening {
            case .resized(let columns, let rows):
                try await outbound.write(
                    text(["type": "resize", "cols": .integer(Int64(columns)), "rows": .integer(Int64(rows))]))
            case .signalled(let number): return .signalled(number)
            }
        }
        return nil
    }

    // MARK: - Frames

    private static let endOfTransmission: UInt8 = 4
    /// 1000, "normal closure" (RFC 6455 §7.4.1).
    private static let goodbye = ByteBuffer(bytes: [0x03, 0xE8])

    private static func input(_ bytes: [UInt8]) -> WebSocketFrame {
        text(["type": "stdin", "data": .string(Data(bytes).base64EncodedString())])
    }

    private static func text(_ value: JSONValue) -> WebSocketFrame {
        frame(.text, ByteBuffer(bytes: value.canonicalBytes))
    }

    /// What a client sends is masked (RFC 6455 §5.3).
    private static func frame(_ opcode: WebSocketOpcode, _ data: ByteBuffer) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
    }

    private static func reason(_ frame: WebSocketFrame) -> String {
        var data = frame.unmaskedData
        guard let code = data.readInteger(as: UInt16.self) else { return "" }
        let words = Rendering.printable(String(decoding: data.readableBytesView, as: UTF8.self))
        return words.isEmpty ? " (\(code))" : ": \(words) (\(code))"
    }
}
