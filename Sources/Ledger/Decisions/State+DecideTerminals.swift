import EventStore

extension State {
    func openTerminal(_ command: OpenTerminal, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let session = try session(command.sessionID, for: context)
        guard session.verificationKey == nil else { throw .sessionEnding }
        guard session.terminals[command.terminalID] == nil else {
            throw Refusal(.conflict, "This terminal id is taken. Try again.")
        }
        try checkCompute(of: session.customerID, in: session.environment, at: context.at)
        return [
            Decided(
                stream: session.id.text,
                event: .sessionTerminalOpened(SessionTerminalOpened(terminalID: command.terminalID)))
        ]
    }

    func closeTerminal(_ command: CloseTerminal, _ context: DecisionContext) throws(Refusal) -> [Decided] {
        let session = try session(command.sessionID, for: context, isContinuation: true)
        guard let openedAt = session.terminals[command.terminalID] else {
            throw Refusal(.conflict, "This terminal is not open in the session.")
        }
        let closed = SessionTerminalClosed(
            exitCode: command.exitCode, inputBytes: command.inputBytes, outputBytes: command.outputBytes,
            terminalID: command.terminalID, wallMicroseconds: Self.open(since: openedAt, until: context.at))
        do { try closed.checkIsReadable() } catch {
            throw Refusal(.badRequest, "The end of a terminal cannot be: \(error).", field: error.member)
        }
        return [Decided(stream: session.id.text, event: .sessionTerminalClosed(closed))]
    }

    /// What is still open when its session ends: closed with it, and counted, in the order of opening.
    func closeTerminals(of session: SessionRecord, _ context: DecisionContext) -> [Decided] {
        session.terminals.sorted { ($0.value, $0.key.text) < ($1.value, $1.key.text) }.map { id, openedAt in
            let closed = SessionTerminalClosed(
                exitCode: nil, inputBytes: nil, outputBytes: nil, terminalID: id,
                wallMicroseconds: Self.open(since: openedAt, until: context.at))
            return Decided(stream: session.id.text, event: .sessionTerminalClosed(closed))
        }
    }

    /// In microseconds. A clock that was set back counts as none.
    static func open(since openedAt: Timestamp, until time: Timestamp) -> Int64 {
        max(0, time.microseconds - openedAt.microseconds)
    }
}
