import CanonicalJSON
import Crypto
import EventStore
import Ledger
import Merkle
import Sandbox

/// What a caller asked to run.
struct ExecCommand: Sendable {
    var command: ExecRequest.Command
    /// What the receipt hashes: the shell command, or the JCS of the argv array.
    var receiptText: String
    var inputData: [UInt8]?
    var workingDirectory: String?
    var environment: [String: String]
    var timeoutSeconds: Int64?
}

/// What the caller can later prove was run: whoever holds the salt can recompute the hash that is in the log.
struct ExecReceipt: Sendable {
    let salt: [UInt8]
    let sha256: Hash

    /// SHA-256(salt ‖ command ‖ 0x00 ‖ input), the salt fresh and 32 bytes long.
    init(command: String, input: [UInt8]) {
        var generator = SystemRandomNumberGenerator()
        salt = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        sha256 = Hash(of: salt + Array(command.utf8) + [0] + input)
    }
}

extension SessionManager {
    /// Runs one command in a session and records that it ran: sizes, times and flags, never content.
    func execute(_ exec: ExecCommand, in id: SessionID, by caller: Principal, trace: String) async throws(APIError)
        -> (ExecResult, ExecReceipt)
    {
        let receipt = ExecReceipt(command: exec.receiptText, input: exec.inputData ?? [])
        var generator = SystemRandomNumberGenerator()
        let execID = ExecID(using: &generator)
        let begin = BeginExec(
            sessionID: id, execID: execID, inputBytes: Int64(exec.inputData?.count ?? 0), receiptSHA256: receipt.sha256)
        // Refused for a session that is not there, not the caller's, ended, or busy: before anything is looked at.
        _ = try await ledger.commit(.beginExec(begin), as: caller.actor, trace: trace)
        let result: ExecResult
        do {
            let session = try environment(of: id)
            result = try await session.environment.execute(
                ExecRequest(
                    command: exec.command, workingDirectory: exec.workingDirectory, environment: exec.environment,
                    inputData: exec.inputData, timeoutMicroseconds: timeout(exec, in: id)))
        } catch {
            throw await executionFailed(error, execID: execID, in: id, trace: trace)
        }
        try await finish(execID, result, in: id, trace: trace)
        return (result, receipt)
    }

    /// What was asked for, but never beyond the session's own end.
    private func timeout(_ exec: ExecCommand, in id: SessionID) -> Int64? {
        let remaining = ledger.read { $0.liveSession(id)?.expiresAt }.map {
            max(1_000, $0.microseconds - ledger.now().microseconds)
        }
        guard let asked = exec.timeoutSeconds.map({ $0 * 1_000_000 }) else { return remaining }
        return remaining.map { min($0, asked) } ?? asked
    }

    private func finish(_ execID: ExecID, _ result: ExecResult, in id: SessionID, trace: String) async throws(APIError) {
        let outcome: SessionExecuted.Outcome =
            if let signal = result.signal { .signalled(number: Int64(signal)) } else {
                .exited(code: Int64(result.exitCode ?? 255))
            }
        let executed = SessionExecuted(
            cpuMicroseconds: result.cpuMicroseconds, execID: execID, outcome: outcome,
            outOfMemory: result.outOfMemory, peakMemoryBytes: result.peakMemoryBytes, stderrBytes: result.stderrBytes,
            stdoutBytes: result.stdoutBytes, timedOut: result.timedOut, truncated: result.truncated,
            wallMicroseconds: result.wallMicroseconds)
        _ = try await ledger.perform(
            .finishExec(FinishExec(sessionID: id, result: executed)), as: .system, trace: trace)
    }

    /// The command could not be run at all: the session goes on when its environment still stands, else it ends.
    private func executionFailed(_ error: any Error, execID: ExecID, in id: SessionID, trace: String) async -> APIError {
        if let error = error as? APIError { return error }
        guard let failure = error as? SandboxError else { return .internalError }
        logger.error("exec failed", metadata: ["session": .string(id.text), "error": .string("\(failure)")])
        let notRun = ExecResult.notRun
        do throws(APIError) { try await finish(execID, notRun, in: id, trace: trace) } catch { return error }
        return failure.apiError
    }
}
