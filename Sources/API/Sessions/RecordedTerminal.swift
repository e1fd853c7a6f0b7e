import EventStore
import Ledger
import Sandbox
import Synchronization

/// A terminal as the log knows it: that it was opened and closed, how much went through it and for how long, never what.
final class RecordedTerminal: Sendable {
    private struct State {
        var exitCode: Int64?
        var inputBytes: Int64 = 0
        var outputBytes: Int64 = 0
    }

    private let ledger: LedgerService
    private let sessionID: SessionID
    private let id: TerminalID
    private let trace: String
    private let state = Mutex(State())

    /// Whether a terminal could be opened now; nothing happens.
    static func check(
        _ sessionID: SessionID, by caller: Principal, ledger: LedgerService, trace: String
    ) throws(APIError) {
        var generator = SystemRandomNumberGenerator()
        let command = OpenTerminal(sessionID: sessionID, terminalID: TerminalID(using: &generator))
        try ledger.check(.openTerminal(command), as: caller.actor, trace: trace)
    }

    /// Records that one is opened; ``close()`` must follow, whatever happens.
    init(_ sessionID: SessionID, by caller: Principal, ledger: LedgerService, trace: String) async throws(APIError) {
        var generator = SystemRandomNumberGenerator()
        id = TerminalID(using: &generator)
        self.ledger = ledger
        self.sessionID = sessionID
        self.trace = trace
        let command = OpenTerminal(sessionID: sessionID, terminalID: id)
        _ = try await ledger.perform(.openTerminal(command), as: caller.actor, trace: trace)
    }

    func typed(_ bytes: Int) { state.withLock { $0.inputBytes += Int64(bytes) } }

    func shown(_ bytes: Int) { state.withLock { $0.outputBytes += Int64(bytes) } }

    func exited(_ code: Int?) { state.withLock { $0.exitCode = code.map { Int64($0) } } }

    /// Records the end. A session that ended first closed it already.
    func close() async {
        let end = state.withLock { $0 }
        let command = CloseTerminal(
            sessionID: sessionID, terminalID: id, exitCode: end.exitCode, inputBytes: end.inputBytes,
            outputBytes: end.outputBytes)
        // A refusal says that the session's end was recorded, and the terminal's with it; a log that cannot be written says
        // so itself.
        do throws(APIError) { _ = try await ledger.perform(.closeTerminal(command), as: .system, trace: trace) } catch {
            return
        }
    }
}
