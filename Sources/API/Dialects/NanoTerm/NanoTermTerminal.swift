import CanonicalJSON
import EventStore
import Foundation
import Ledger
import NIOCore
import Projections
import Proofs
import Sandbox
import Synchronization

/// `/api/workspaces/:id/terminal`: a shell on a real terminal. JSON frames: in `stdin` and `resize`, out `stdout`, `exit`
/// and `error`; bytes are base64.
///
/// Nothing is buffered here: output is read when the client has taken what was before, so a client that stalls slows its
/// own programs and nobody else's.
struct NanoTermTerminal: Sendable {
    let workspaces: NanoTermWorkspaces

    /// Largest frame that a client may send, in bytes.
    private static let messageBytesMax = 128 * 1024
    /// Read at once, in bytes.
    private static let pieceBytes = 16 * 1024
    /// Silence after the shell's end in which what it left running may still say something.
    private static let drain = Duration.milliseconds(200)
    /// From the terminal's end to that of its shell, at most.
    private static let exitPatience = Duration.seconds(5)
    private static let cellsMax: Int64 = 1_000

    var route: WebSocketRoute {
        WebSocketRoute(
            NanoTermWorkspaceRoutes.path + "/:id/terminal", .sessionsExec, messageBytesMax: Self.messageBytesMax,
            credential: NanoTermHandshake.credential, open: open)
    }

    private func open(_ request: WebSocketRequest) throws(APIError) -> WebSocketRoute.Body {
        let session = try workspaces.find(request.parameter("id"), for: request.caller).id
        let environment = try workspaces.environment(request.parameter("id"), for: request.caller)
        let ledger = workspaces.ledger
        try RecordedTerminal.check(session, by: request.caller, ledger: ledger, trace: request.trace)
        var wish = TerminalRequest(environment: ["LANG": "C.UTF-8"])
        wish.columns = try Self.cells(request.query["cols"], "cols") ?? wish.columns
        wish.rows = try Self.cells(request.query["rows"], "rows") ?? wish.rows
        let terminal = wish
        return { connection in
            let record: RecordedTerminal
            do throws(APIError) {
                record = try await RecordedTerminal(
                    session, by: request.caller, ledger: ledger, trace: request.trace)
            } catch {
                try await connection.send(Self.error(error.message))
                return .failed
            }
            let result: Result<WebSocketClose, any Error>
            do { result = .success(try await Self.run(terminal, in: environment, on: connection, record)) } catch {
                result = .failure(error)
            }
            await record.close()
            return try result.get()
        }
    }

    private static func run(
        _ wish: TerminalRequest, in environment: SessionEnvironment, on connection: WebSocketConnection,
        _ record: RecordedTerminal
    ) async throws -> WebSocketClose {
        let opened: SessionTerminal
        do throws(SandboxError) { opened = try await environment.openTerminal(wish) } catch {
            try await connection.send(Self.error("The terminal cannot be opened: \(error.message)."))
            return .failed
        }
        return try await run(opened, on: connection, record)
    }

    private static func cells(_ text: String?, _ name: String) throws(APIError) -> UInt16? {
        guard let text else { return nil }
        guard let count = Int64(text).flatMap(cellCount) else {
            throw APIError(.badRequest, "`\(name)` must be 1 to \(cellsMax).", field: name)
        }
        return count
    }

    private static func cellCount(_ number: Int64) -> UInt16? {
        (1...cellsMax).contains(number) ? UInt16(number) : nil
    }

    private static func run(
        _ terminal: SessionTerminal, on connection: WebSocketConnection, _ record: RecordedTerminal
    ) async throws -> WebSocketClose {
        // Whatever ends first ends the other: closing the terminal wakes whoever waits for it.
        try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: WebSocketClose?.self) { group in
                let progress = Progress(record)
                let ended = Task { await terminal.exitCode() }
                group.addTask { try await show(terminal, until: ended, on: connection, progress) }
                group.addTask { try await type(into: terminal, from: connection, record) }
                group.addTask {
                    _ = await ended.value
                    await progress.quiet(for: drain)
                    terminal.close()
                    return nil
                }
                defer {
                    terminal.close()
                    group.cancelAll()
                }
                while let close = try await group.next() { if let close { return close } }
                return .normal
            }
        } onCancel: {
            terminal.close()
        }
    }

    /// Sends what the terminal shows, until it has ended; then how the shell ended.
    private static func show(
        _ terminal: SessionTerminal, until ended: Task<Int?, Never>, on connection: WebSocketConnection,
        _ progress: Progress
    ) async throws -> WebSocketClose? {
        while let bytes = try await terminal.read(pieceBytes) {
            progress.begin()
            try await connection.send(["type": "stdout", "data": .string(Data(bytes).base64EncodedString())])
            progress.end(bytes.count)
        }
        try Task.checkCancellation()
        // A shell that gave its terminal away is not waited for for ever; closing it ends the wait.
        let patience = Task {
            try await Task.sleep(for: exitPatience)
            terminal.close()
        }
        let code = await ended.value
        patience.cancel()
        progress.record.exited(code)
        try await connection.send(["type": "exit", "exitCode": code.map { .integer(Int64($0)) } ?? .null])
        return WebSocketClose(1_000, "The terminal has ended.")
    }

    /// Types what the client sends, until it leaves.
    private static func type(
        into terminal: SessionTerminal, from connection: WebSocketConnection, _ record: RecordedTerminal
    ) async throws -> WebSocketClose? {
        for try await message in connection.inbound {
            guard case .text(let text) = message else { return .notText }
            do {
                if let problem = try await perform(text, on: terminal, record) {
                    try await connection.send(error(problem))
                }
            } catch is SandboxError {
                // The terminal has ended: what it still showed, and how it ended, is on its way.
                return nil
            }
        }
        return .normal
    }

    /// - Returns: what is wrong with the frame, for the client; nil when it was done.
    private static func perform(
        _ text: String, on terminal: SessionTerminal, _ record: RecordedTerminal
    ) async throws -> String? {
        let frame: JSONValue
        do { frame = try JSONReader.read(Array(text.utf8), numbers: .ieee754) } catch {
            return "Send JSON objects with a `type`."
        }
        switch frame["type"]?.string {
        case "stdin":
            guard let data = frame["data"]?.string.flatMap({ Data(base64Encoded: $0) }) else {
                return "`data` of stdin must be base64."
            }
            try await terminal.write(Array(data))
            record.typed(data.count)
        case "resize":
            guard let columns = frame["cols"]?.integer.flatMap(cellCount),
                let rows = frame["rows"]?.integer.flatMap(cellCount)
            else { return "`cols` and `rows` of resize must be 1 to \(cellsMax)." }
            try terminal.resize(rows: rows, columns: columns)
        default: return "Send a `type` of stdin or resize."
        }
        return nil
    }

    private static func error(_ message: String) -> JSONValue { ["type": "error", "message": .string(message)] }

    /// How far the output has come.
    private final class Progress: Sendable {
        private struct State {
            var pieces = 0
            var isSending = false
        }

        let record: RecordedTerminal
        private let state = Mutex(State())

        init(_ record: RecordedTerminal) { self.record = record }

        func begin() { state.withLock { $0.isSending = true } }

        func end(_ bytes: Int) {
            record.shown(bytes)
            state.withLock { state in
                state.isSending = false
                state.pieces += 1
            }
        }

        /// Waits until nothing was shown for so long and nothing is on its way: a slow client still gets the rest.
        func quiet(for duration: Duration) async {
            while true {
                let before = state.withLock { $0.pieces }
                do { try await Task.sleep(for: duration) } catch { return }
                if state.withLock({ !$0.isSending && $0.pieces == before }) { return }
            }
        }
    }
}
