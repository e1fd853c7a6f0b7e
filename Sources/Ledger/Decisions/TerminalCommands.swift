/// A terminal in a live session; as many as are wanted, beside commands.
public struct OpenTerminal: Sendable {
    public var sessionID: SessionID
    public var terminalID: TerminalID

    public init(sessionID: SessionID, terminalID: TerminalID) {
        self.sessionID = sessionID
        self.terminalID = terminalID
    }
}

/// A terminal ended.
public struct CloseTerminal: Sendable {
    public var sessionID: SessionID
    public var terminalID: TerminalID
    /// The shell's; nil where something else ended it.
    public var exitCode: Int64?
    public var inputBytes: Int64
    public var outputBytes: Int64

    public init(
        sessionID: SessionID, terminalID: TerminalID, exitCode: Int64?, inputBytes: Int64, outputBytes: Int64
    ) {
        self.sessionID = sessionID
        self.terminalID = terminalID
        self.exitCode = exitCode
        self.inputBytes = inputBytes
        self.outputBytes = outputBytes
    }
}
