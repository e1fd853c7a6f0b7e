/// One command to run in a session.
///
/// ```swift
/// let result = try await environment.execute(ExecRequest(.shell("wc -l < input/data"), inputData: rows))
/// ```
public struct ExecRequest: Sendable {
    public enum Command: Sendable {
        /// Run by `/bin/sh -c`.
        case shell(String)
        /// Run as it is; the first is the program, looked up in PATH.
        case arguments([String])
    }

    public var command: Command
    /// Absolute inside, or relative to the workspace; nil is the workspace.
    public var workingDirectory: String?
    public var environment: [String: String]
    /// Written to `/workspace/input/data` before the command starts; never an argument or a variable.
    public var inputData: [UInt8]?
    /// From the start to SIGTERM; nil is without a limit.
    public var timeoutMicroseconds: Int64?
    /// Kept (or given out) of each stream; the rest is counted and dropped.
    public var outputBytesMax: Int

    public init(
        _ command: Command, workingDirectory: String? = nil, environment: [String: String] = [:],
        inputData: [UInt8]? = nil, timeoutMicroseconds: Int64? = nil, outputBytesMax: Int = 1 << 20
    ) {
        self.command = command
        self.workingDirectory = workingDirectory
        self.environment = environment
        self.inputData = inputData
        self.timeoutMicroseconds = timeoutMicroseconds
        self.outputBytesMax = outputBytesMax
    }
}

/// How a command ended.
public struct ExecResult: Sendable, Equatable {
    /// Empty when the output went to an ``ExecOutputStream``.
    public var stdout: [UInt8]
    public var stderr: [UInt8]
    /// How much it wrote, kept or not.
    public var stdoutBytes: Int64
    public var stderrBytes: Int64
    /// nil when a signal ended it.
    public var exitCode: Int?
    public var signal: Int?
    public var timedOut: Bool
    /// More was written than was kept or given out.
    public var truncated: Bool
    /// The kernel killed for lack of memory while it ran. Then it never ended with 0: a command that came to its end all
    /// the same, before its session was killed, counts as killed.
    public var outOfMemory: Bool
    public var wallMicroseconds: Int64
    /// Of the command and what it started.
    public var cpuMicroseconds: Int64
    /// Highest memory charged to the command's cgroup, files that it wrote included; 0 when there is no memory cgroup.
    public var peakMemoryBytes: Int64
}
