import Proofs
import CanonicalJSON
import Crypto
import EventStore
import Ledger
import Logging
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

/// A command whose beginning is recorded and which has not run yet.
struct BegunExec: Sendable {
    let id: ExecID
    let sessionID: SessionID
    let command: ExecCommand
    let receipt: ExecReceipt
    let actor: Actor
    let trace: String
    /// Set when a repeat is to get the same answer.
    let idempotent: IdempotentRequest?
}

extension SessionManager {
    /// Records that a command begins. Refused for a session that is not there, not the caller's, ended, or busy, before
    /// anything is looked at.
    ///
    /// - Parameter request: remembered with the event; its answer is kept by ``keep(_:of:)``, never in the log.
    func begin(
        _ exec: ExecCommand, in id: SessionID, by caller: Principal, trace: String,
        remembering request: IdempotentRequest? = nil
    ) async throws(APIError) -> BegunExec {
        try checkNotStopping()
        let receipt = ExecReceipt(command: exec.receiptText, input: exec.inputData ?? [])
        var generator = SystemRandomNumberGenerator()
        let execID = ExecID(using: &generator)
        let begin = BeginExec(
            sessionID: id, execID: execID, inputBytes: Int64(exec.inputData?.count ?? 0), receiptSHA256: receipt.sha256)
        let idempotency = request.map {
            Idempotency.record(
                RecordRequest(keySHA256: $0.keySHA256, requestSHA256: $0.requestSHA256) { _ in nil })
        }
        _ = try await ledger.commit(.beginExec(begin), as: caller.actor, trace: trace, idempotency: idempotency)
        if let request { live(id)?.answers.expect(request.keySHA256) }
        return BegunExec(
            id: execID, sessionID: id, command: exec, receipt: receipt, actor: caller.actor, trace: trace,
            idempotent: request)
    }

    /// Runs a command that has begun, and records that it ran: sizes, times and flags, never content.
    ///
    /// - Parameter output: takes the output as it comes, instead of the result.
    func run(_ begun: BegunExec, output: ExecOutputStream? = nil) async throws(APIError) -> ExecResult {
        do throws(APIError) { return try await runInSession(begun, output: output) } catch {
            keepNothing(of: begun)
            throw error
        }
    }

    private func runInSession(
        _ begun: BegunExec, output: ExecOutputStream?
    ) async throws(APIError) -> ExecResult {
        let session: LiveSession
        do throws(APIError) { session = try environment(of: begun.sessionID) } catch {
            throw await executionFailed(error, begun)
        }
        let result = try await session.executing { () throws(APIError) in
            try await runAndRecord(begun, in: session, output: output)
        }
        // Killed because the session ends: what came out until then is no answer to what was asked.
        if session.isEnding, result.signal == Self.killSignal, !result.outOfMemory { throw .sessionEndedMeanwhile }
        return result
    }

    private func runAndRecord(
        _ begun: BegunExec, in session: LiveSession, output: ExecOutputStream?
    ) async throws(APIError) -> ExecResult {
        let exec = begun.command
        let result: ExecResult
        do throws(SandboxError) {
            result = try await session.environment.execute(
                ExecRequest(
                    exec.command, workingDirectory: exec.workingDirectory, environment: exec.environment,
                    inputData: exec.inputData, timeoutMicroseconds: timeout(exec, in: session.id)), output: output)
        } catch {
            throw await executionFailed(error, begun)
        }
        try await finish(SessionExecuted(begun.id, result), of: begun)
        return result
    }

    private static let killSignal = 9

    /// What was asked for, but never beyond the session's own end.
    private func timeout(_ exec: ExecCommand, in id: SessionID) -> Int64? {
        let remaining = ledger.read { $0.liveSession(id)?.expiresAt }.map {
            max(1_000, $0.microseconds - ledger.now().microseconds)
        }
        guard let asked = exec.timeoutSeconds.map({ $0 * 1_000_000 }) else { return remaining }
        return remaining.map { min($0, asked) } ?? asked
    }

    private func finish(
        _ executed: SessionExecuted, of begun: BegunExec, releasing request: IdempotentRequest? = nil
    ) async throws(APIError) {
        _ = try await ledger.perform(
            .finishExec(FinishExec(sessionID: begun.sessionID, result: executed)), as: begun.actor, trace: begun.trace,
            idempotency: request.map { .release($0.keySHA256) })
    }

    /// The command could not be run at all. The session goes on: nothing of the command took place in it, and a repeat may
    /// try again.
    private func executionFailed(_ error: any Error, _ begun: BegunExec) async -> APIError {
        let failure = APIError(executing: error)
        if failure.code == .internalError || failure.code == .unavailable {
            logger.error(
                "exec failed", metadata: ["session": .string(begun.sessionID.text), "error": .string("\(error)")])
        }
        do throws(APIError) {
            try await finish(SessionExecuted(notStarted: begun.id), of: begun, releasing: begun.idempotent)
        } catch {
            // The session ended meanwhile: that is the answer.
            return error
        }
        return failure
    }
}

extension SessionExecuted {
    init(_ execID: ExecID, _ result: ExecResult) {
        let outcome: Outcome =
            if let signal = result.signal { .signalled(number: Int64(signal)) } else {
                .exited(code: Int64(result.exitCode ?? Self.exitCodeNotStarted))
            }
        self.init(
            cpuMicroseconds: result.cpuMicroseconds, execID: execID, outcome: outcome,
            outOfMemory: result.outOfMemory, peakMemoryBytes: result.peakMemoryBytes, stderrBytes: result.stderrBytes,
            stdoutBytes: result.stdoutBytes, timedOut: result.timedOut, truncated: result.truncated,
            wallMicroseconds: result.wallMicroseconds)
    }

    /// What a shell answers for a command that it could not start (POSIX, "Exit Status for Commands").
    private static let exitCodeNotStarted = 126

    /// A command that the sandbox could not start.
    init(notStarted execID: ExecID) {
        self.init(
            cpuMicroseconds: 0, execID: execID, outcome: .exited(code: Int64(Self.exitCodeNotStarted)),
            outOfMemory: false, peakMemoryBytes: 0, stderrBytes: 0, stdoutBytes: 0, timedOut: false, truncated: false,
            wallMicroseconds: 0)
    }
}

extension APIError {
    static let sessionEndedMeanwhile = APIError(
        .conflict, "The session ended while the command ran. Create a new session.")

    /// Why a command could not be run.
    init(executing error: any Error) {
        guard let failure = error as? SandboxError else {
            self = error as? APIError ?? .internalError
            return
        }
        switch failure.code {
        case .invalidRequest: self.init(.badRequest, failure.message, field: "command")
        case .noDirectory: self.init(.badRequest, failure.message, field: "cwd")
        case .full: self.init(.badRequest, failure.message, field: "input_data")
        case .busy: self.init(.conflict, failure.message)
        case .gone: self = .sessionEndedMeanwhile
        default: self.init(.unavailable, "The command could not be run: \(failure.message)", retryAfterSeconds: 5)
        }
    }
}
