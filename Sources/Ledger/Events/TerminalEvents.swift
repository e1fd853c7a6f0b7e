public import CanonicalJSON
import Proofs

/// A terminal was opened in a session. What is typed and shown there is content and stands nowhere. Stream: the session.
public struct SessionTerminalOpened: EventPayload {
    public static let type = "session.terminal_opened"
    public static let version = 1

    public var terminalID: TerminalID

    public init(terminalID: TerminalID) { self.terminalID = terminalID }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        terminalID = try reader.identifier("terminal_id")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("terminal_id", terminalID.text)
    }
}

/// A terminal was closed, or its session ended first; sizes, never content. Stream: the session.
public struct SessionTerminalClosed: EventPayload {
    public static let type = "session.terminal_closed"
    public static let version = 1

    /// The shell's, 0…255; nil where a signal, the client or the session's end ended it.
    public var exitCode: Int64?
    /// Bytes typed; nil where the session ended first.
    public var inputBytes: Int64?
    /// Bytes shown; nil where the session ended first.
    public var outputBytes: Int64?
    public var terminalID: TerminalID
    /// From opening to closing, in microseconds: compute time of the month.
    public var wallMicroseconds: Int64

    public init(
        exitCode: Int64?, inputBytes: Int64?, outputBytes: Int64?, terminalID: TerminalID, wallMicroseconds: Int64
    ) {
        self.exitCode = exitCode
        self.inputBytes = inputBytes
        self.outputBytes = outputBytes
        self.terminalID = terminalID
        self.wallMicroseconds = wallMicroseconds
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        exitCode = try reader.optionalCount("exit_code")
        inputBytes = try reader.optionalCount("input_bytes")
        outputBytes = try reader.optionalCount("output_bytes")
        terminalID = try reader.identifier("terminal_id")
        wallMicroseconds = try reader.count("wall_microseconds")
        try reader.finish()
        guard exitCode ?? 0 <= 255 else { throw PayloadError("exit_code", .notAllowed) }
    }

    public func write(to members: inout MemberWriter) {
        members.add("exit_code", exitCode)
        members.add("input_bytes", inputBytes)
        members.add("output_bytes", outputBytes)
        members.add("terminal_id", terminalID.text)
        members.add("wall_microseconds", wallMicroseconds)
    }
}
