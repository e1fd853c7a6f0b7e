import CanonicalJSON
import Foundation
import Ledger
import Merkle
import Projections
import Sandbox

/// `POST /v1/sessions/:id/exec`: runs one command in the session's sandbox.
struct ExecRoute: Sendable {
    let sessions: SessionManager
    let reads: ReadModel

    /// Room for the input data and its JSON escapes, in bytes.
    static let bodyBytesMax = 16 << 20
    private static let commandBytesMax = 128 << 10
    private static let timeoutSecondsMax: Int64 = 86_400

    var routes: [Route] {
        [
            Route(
                .post, "/v1/sessions/:id/exec", .key(.sessionsExec), bodyBytesMax: Self.bodyBytesMax,
                idempotency: .rememberedInSession, produces: ["application/json", "text/event-stream"],
                handler: execute)
        ]
    }

    private func execute(_ exchange: Exchange) async throws(APIError) -> APIResponse {
        let caller = try exchange.caller()
        // Known before the body is judged: somebody else's session is not there, whatever is sent to it.
        let session = try reads.session(try exchange.sessionID(), for: caller)
        let command = try Self.command(in: try exchange.members())
        let begun = try await sessions.begin(
            command, in: session.id, by: caller, trace: exchange.trace, remembering: exchange.idempotent)
        if exchange.wantsEvents { return .stream(ExecStreamBody(ExecStream(begun, in: sessions))) }
        let result = try await sessions.run(begun)
        var body = Self.body(of: result, begun.receipt)
        body["stdout"] = .string(Self.text(result.stdout))
        body["stderr"] = .string(Self.text(result.stderr))
        let answer = APIResponse.json(.object(body))
        sessions.keep(answer, of: begun)
        return answer
    }

    private static func command(in members: RequestMembers) throws(APIError) -> ExecCommand {
        let (command, receiptText) = try self.commandAndReceipt(in: members)
        guard receiptText.utf8.count <= commandBytesMax else {
            throw APIError(.badRequest, "`command` is longer than \(commandBytesMax) bytes.", field: "command")
        }
        let timeout = try members.integer("timeout")
        guard timeout.map({ (1...timeoutSecondsMax).contains($0) }) ?? true else {
            throw APIError(.badRequest, "`timeout` must be 1 to \(timeoutSecondsMax) seconds.", field: "timeout")
        }
        let environment = try members.stringMap("env") ?? [:]
        for (name, value) in environment where !isVariable(name, value) {
            throw APIError(.badRequest, "`env.\(name)` is not a valid environment variable.", field: "env.\(name)")
        }
        let directory = try members.string("cwd")
        if let directory { try check(directory) }
        return ExecCommand(
            command: command, receiptText: receiptText,
            inputData: try members.string("input_data").map { Array($0.utf8) }, workingDirectory: directory,
            environment: environment, timeoutSeconds: timeout)
    }

    private static func commandAndReceipt(in members: RequestMembers) throws(APIError) -> (ExecRequest.Command, String)
    {
        let invalid = APIError(
            .badRequest, "`command` is required: a shell command, or an array with a program and its arguments.",
            field: "command")
        let (command, text): (ExecRequest.Command, String)
        if members.present("command")?.array != nil {
            let arguments = try members.strings("command") ?? []
            guard let program = arguments.first, !program.isEmpty else { throw invalid }
            (command, text) = (
                .arguments(arguments), JSONValue.array(arguments.map { .string($0) }).canonicalText
            )
            guard arguments.allSatisfy({ !$0.utf8.contains(0) }) else { throw nul }
        } else {
            guard let shell = try members.string("command"), !shell.isEmpty else { throw invalid }
            (command, text) = (.shell(shell), shell)
            guard !shell.utf8.contains(0) else { throw nul }
        }
        return (command, text)
    }

    private static let nul = APIError(.badRequest, "`command` must not hold a NUL character.", field: "command")

    private static func isVariable(_ name: String, _ value: String) -> Bool {
        !name.isEmpty && !name.utf8.contains(0) && !name.utf8.contains(UInt8(ascii: "=")) && !value.utf8.contains(0)
    }

    private static func check(_ directory: String) throws(APIError) {
        guard directory.hasPrefix("/"), !directory.utf8.contains(0), !directory.split(separator: "/").contains("..")
        else { throw APIError(.badRequest, "`cwd` must be an absolute path without `..`.", field: "cwd") }
    }

    /// How a command ended, without its output.
    static func body(of result: ExecResult, _ receipt: ExecReceipt) -> JSONObject {
        var body = JSONObject()
        body["exit_code"] = .integer(Int64(result.exitCode ?? 128 + (result.signal ?? 0)))
        body["signal"] = result.signal.map { .integer(Int64($0)) } ?? .null
        body["duration_seconds"] = .double(Double(result.wallMicroseconds) / 1_000_000)
        body["cpu_seconds"] = .double(Double(result.cpuMicroseconds) / 1_000_000)
        body["timed_out"] = .bool(result.timedOut)
        body["truncated"] = .bool(result.truncated)
        body["out_of_memory"] = .bool(result.outOfMemory)
        body["stdout_bytes"] = .integer(result.stdoutBytes)
        body["stderr_bytes"] = .integer(result.stderrBytes)
        body["peak_memory_bytes"] = .integer(result.peakMemoryBytes)
        body["receipt"] = [
            "salt": .string(Data(receipt.salt).base64EncodedString()), "sha256": .string(receipt.sha256.hex),
        ]
        return body
    }

    /// Output is text in JSON: what is not UTF-8 is shown with replacement characters.
    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
