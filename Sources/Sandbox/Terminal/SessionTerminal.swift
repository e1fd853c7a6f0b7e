import CLinux
import Glibc
import Synchronization

/// What runs in a terminal, and how large it is.
public struct TerminalRequest: Sendable {
    public var command: ExecRequest.Command
    public var workingDirectory: String?
    public var environment: [String: String]
    public var rows: UInt16
    public var columns: UInt16

    public init(
        _ command: ExecRequest.Command = .arguments(["/bin/sh", "-i"]), workingDirectory: String? = nil,
        environment: [String: String] = [:], rows: UInt16 = 24, columns: UInt16 = 80
    ) {
        self.command = command
        self.workingDirectory = workingDirectory
        self.environment = environment
        self.rows = rows
        self.columns = columns
    }
}

/// A real terminal in a session: a pseudo-terminal made inside, with a program as its session leader.
///
/// ```swift
/// let terminal = try await environment.openTerminal(TerminalRequest())
/// try await terminal.write(Array("ls\n".utf8))
/// while let bytes = try await terminal.read() { send(bytes) }
/// ```
public final class SessionTerminal: Sendable, Facility {
    private let master: Descriptor
    private let process: PreparedProcess
    private let threads: WorkerThreads
    private let wake: Descriptor
    private let isClosed = Atomic(false)

    init(master: Descriptor, process: PreparedProcess, threads: WorkerThreads) throws(SandboxError) {
        self.master = master
        self.process = process
        self.threads = threads
        wake = try .event()
        guard fcntl(master.number, F_SETFL, O_NONBLOCK) == 0 else { throw .system("cannot set up the terminal", errno) }
    }

    /// The next output; nil when the terminal has ended. A reader that is slow slows the program, as a terminal does.
    public func read(_ count: Int = 64 * 1024) async throws(SandboxError) -> [UInt8]? {
        try await threads.run { [self] () throws(SandboxError) in
            var bytes = [UInt8](repeating: 0, count: max(count, 1))
            while true {
                guard wait(for: Int16(POLLIN)) else { return nil }
                let got = Glibc.read(master.number, &bytes, bytes.count)
                if got > 0 { return Array(bytes[..<got]) }
                if got < 0 && (errno == EAGAIN || errno == EINTR) { continue }
                // The last program that had the terminal has closed it: EIO, or the end.
                return nil
            }
        }
    }

    /// Types `bytes`. Throws `gone` when the terminal has ended.
    public func write(_ bytes: [UInt8]) async throws(SandboxError) {
        try await threads.run { [self] () throws(SandboxError) in
            var written = 0
            while written < bytes.count {
                guard wait(for: Int16(POLLOUT)) else { throw SandboxError(.gone, "the terminal has ended") }
                // In bounds: written is below the count.
                let count = bytes.withUnsafeBytes {
                    Glibc.write(master.number, $0.baseAddress?.advanced(by: written), $0.count - written)
                }
                if count < 0 && (errno == EAGAIN || errno == EINTR) { continue }
                guard count > 0 else { throw SandboxError(.gone, "the terminal has ended", systemError: errno) }
                written += count
            }
        }
    }

    /// Tells the programs the window's new size.
    public func resize(rows: UInt16, columns: UInt16) throws(SandboxError) {
        let failure = nrx_terminal_size(master.number, rows, columns)
        guard failure == 0 else { throw SandboxError(.gone, "the terminal has ended", systemError: failure) }
    }

    /// Waits for the program's end: exit code, or nil when a signal or the session's end ended it.
    public func exitCode() async -> Int? {
        await threads.run { [self] () throws(Never) -> Int? in
            while !isClosed.load(ordering: .sequentiallyConsistent) {
                var entries = [
                    pollfd(fd: process.replies.number, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0),
                ]
                if poll(&entries, 2, -1) < 0 && errno != EINTR { return nil }
                guard entries[0].revents != 0 else { continue }
                guard let reply = try? InitChannel.receive(process.replies, milliseconds: 0) else { return nil }
                if reply.type == NRX_REPLY_EXITED {
                    return reply.raw.status & 0x7f == 0 ? Int(reply.raw.status >> 8 & 0xff) : nil
                }
            }
            return nil
        }
    }

    /// Ends the terminal and everything that runs in it.
    public func close() {
        guard !isClosed.exchange(true, ordering: .sequentiallyConsistent) else { return }
        // Whoever waits in read, write or exitCode wakes up; the descriptors close with the last of them.
        wake.signal()
        let group = process.group
        threads.start {
            guard let group else { return }
            _ = group.tree.killAll(timeoutMilliseconds: 5_000)
            _ = group.removeIfEmpty()
        }
    }

    /// Whether the master is ready; false once the terminal is closed.
    private func wait(for events: Int16) -> Bool {
        while !isClosed.load(ordering: .sequentiallyConsistent) {
            var entries = [
                pollfd(fd: master.number, events: events, revents: 0),
                pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&entries, 2, -1) < 0 && errno != EINTR { return false }
            if entries[1].revents == 0 && entries[0].revents != 0 { return true }
        }
        return false
    }
}

extension SessionEnvironment {
    /// Starts a program in a terminal. Takes no exec slot: a command may run beside it.
    public func openTerminal(_ request: TerminalRequest) async throws(SandboxError) -> SessionTerminal {
        try await host.threads.run { () throws(SandboxError) in
            try self.register(try self.startTerminal(request))
        }
    }

    private func startTerminal(_ request: TerminalRequest) throws(SandboxError) -> SessionTerminal {
        try refuseWhenDestroying()
        var variables = request.environment
        if variables["TERM"] == nil { variables["TERM"] = "xterm-256color" }
        let program = try Program(request.command, directory: request.workingDirectory, variables: variables)
        let process = try PreparedProcess(raw.channel, raw.cgroup, terminal: (request.rows, request.columns))
        guard let reply = try InitChannel.receive(process.replies, milliseconds: 10_000) else {
            throw .system("the session's init did not answer", ETIMEDOUT)
        }
        guard reply.type == NRX_REPLY_STARTED, let master = reply.descriptor else {
            throw InitChannel.failure(reply.raw)
        }
        guard try process.start(program, specification.processLimits, streams: []) else {
            throw SandboxError(.gone, "the session has ended its terminal")
        }
        return try SessionTerminal(master: master, process: process, threads: host.threads)
    }
}
