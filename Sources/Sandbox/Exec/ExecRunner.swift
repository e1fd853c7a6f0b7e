import CLinux
import Glibc

/// Runs one command from start to end on a thread that may block.
struct ExecRunner {
    let channel: InitChannel
    let process: PreparedProcess
    let graceMicroseconds: Int64
    let drainMicroseconds: Int64
    let limits: Program.Limits
    /// The host's number of the session's user; nil when the server cannot give files away.
    let user: uid_t?

    /// Runs the command. Blocks until it has ended and its output has been read.
    ///
    /// - Returns: nil when the prepared process was lost before it became the program.
    func run(_ program: Program, _ request: ExecRequest, emit: (ExecOutput) -> Void) throws(SandboxError) -> ExecResult?
    {
        let output = try Descriptor.pipe()
        let errors = try Descriptor.pipe()
        // So that a command can open /dev/stdout and /dev/stderr, which are these pipes.
        if let user {
            for pipe in [output.write, errors.write] where fchown(pipe.number, user, user) != 0 {
                throw .system("cannot give a pipe to the session", errno)
            }
        }
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let start = monotonicMicroseconds()
        guard try process.start(program, limits, streams: [null, output.write, errors.write]) else { return nil }
        output.write.close()
        errors.write.close()
        var run = Run(
            runner: self, output: output.read, errors: errors.read, start: start,
            clock: ExecClock(
                start: start, timeout: request.timeoutMicroseconds, grace: graceMicroseconds,
                drain: drainMicroseconds),
            outputBytesMax: request.outputBytesMax)
        try run.loop(emit: emit)
        return run.isLost ? nil : run.result()
    }

    /// One command on its way: what has been read and learnt so far.
    private struct Run {
        let runner: ExecRunner
        var replies: Descriptor { runner.process.replies }
        let output: Descriptor
        let errors: Descriptor
        let start: Int64
        var clock: ExecClock
        var stdout: OutputBuffer
        var stderr: OutputBuffer
        var chunk = [UInt8](repeating: 0, count: 65_536)
        /// Its pid inside, once it runs.
        var pid: UInt64?
        /// Wait status, once it has ended.
        var status: Int32?
        var cpuMicroseconds: Int64 = 0
        var endedAt: Int64 = 0
        var setUpFailure: SandboxError?
        /// Whether the process has said that it is about to become the program.
        var isRunning = false

        /// It ended without having run anything.
        var isLost: Bool { status != nil && !isRunning }

        init(
            runner: ExecRunner, output: Descriptor, errors: Descriptor, start: Int64,
            clock: ExecClock, outputBytesMax: Int
        ) {
            (self.runner, self.output, self.errors) = (runner, output, errors)
            (self.start, self.clock) = (start, clock)
            stdout = OutputBuffer(bytesMax: outputBytesMax)
            stderr = OutputBuffer(bytesMax: outputBytesMax)
        }

        mutating func loop(emit: (ExecOutput) -> Void) throws(SandboxError) {
            while !(status != nil && stdout.isAtEnd && stderr.isAtEnd) {
                var entries = [
                    pollfd(fd: status == nil ? replies.number : -1, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: stdout.isAtEnd ? -1 : output.number, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: stderr.isAtEnd ? -1 : errors.number, events: Int16(POLLIN), revents: 0),
                ]
                let ready = poll(&entries, 3, clock.wait(now: monotonicMicroseconds()))
                if ready < 0 && errno != EINTR { throw .system("cannot wait for the command", errno) }
                // Streams first: what was written before the end is read before the end is known.
                if entries[1].revents != 0 { readOutput(emit) }
                if entries[2].revents != 0 { readErrors(emit) }
                if entries[0].revents != 0 { try takeReply() }
                let action = clock.tick(now: monotonicMicroseconds())
                if action == .finish { break }
                perform(action)
            }
            // The command's tree goes as a whole when its time was up, whatever it left behind.
            if clock.timedOut { killTree() }
            if let setUpFailure { throw setUpFailure }
        }

        private mutating func readOutput(_ emit: (ExecOutput) -> Void) {
            let fresh = stdout.read(from: output.number, into: &chunk)
            if !fresh.isEmpty { emit(.standardOutput(fresh)) }
        }

        private mutating func readErrors(_ emit: (ExecOutput) -> Void) {
            let fresh = stderr.read(from: errors.number, into: &chunk)
            if !fresh.isEmpty { emit(.standardError(fresh)) }
        }

        private mutating func takeReply() throws(SandboxError) {
            guard let reply = try InitChannel.receive(replies, milliseconds: 0) else { return }
            switch reply.type {
            case NRX_REPLY_STARTED: pid = reply.raw.value
            case NRX_REPLY_RUNNING: isRunning = true
            case NRX_REPLY_FAILED:
                let failure = InitChannel.failure(reply.raw)
                setUpFailure = failure
                // Failed before there was a process: nothing else will come.
                if nrx_stage(reply.raw.stage) == NRX_STAGE_REQUEST || nrx_stage(reply.raw.stage) == NRX_STAGE_FORK {
                    throw failure
                }
            case NRX_REPLY_EXITED:
                status = reply.raw.status
                cpuMicroseconds = Int64(reply.raw.cpu_microseconds)
                endedAt = monotonicMicroseconds()
                clock.ended(now: endedAt)
            default: throw .system("the session's init sent an unknown answer", EPROTO)
            }
        }

        private func perform(_ action: ExecClock.Action) {
            switch action {
            case .terminate: signalGroup(SIGTERM)
            case .kill: killTree()
            case .none, .finish: break
            }
        }

        private func signalGroup(_ number: Int32) {
            guard let pid else { return }
            var header = nrx_request()
            header.type = NRX_REQUEST_SIGNAL.rawValue
            header.first = pid
            header.second = UInt64(number)
            // That the command has just ended by itself is no error.
            _ = try? runner.channel.ask(header, milliseconds: 1_000)
        }

        private func killTree() {
            if let cgroup = runner.process.group {
                _ = cgroup.tree.killAll(timeoutMilliseconds: 5_000)
            } else {
                // Without cgroups no tree can be told from another: everything but init goes.
                var header = nrx_request()
                header.type = NRX_REQUEST_KILL_ALL.rawValue
                _ = try? runner.channel.ask(header)
            }
        }

        func result() -> ExecResult {
            let status = status ?? 0
            let signal = status & 0x7f
            let cgroup = runner.process.group
            return ExecResult(
                stdout: stdout.kept, stderr: stderr.kept, stdoutBytes: stdout.total, stderrBytes: stderr.total,
                exitCode: signal == 0 ? Int(status >> 8 & 0xff) : nil, signal: signal == 0 ? nil : Int(signal),
                timedOut: clock.timedOut, truncated: stdout.isTruncated || stderr.isTruncated,
                outOfMemory: (cgroup?.outOfMemoryKills ?? 0) > 0, wallMicroseconds: endedAt - start,
                cpuMicroseconds: cgroup?.processorMicroseconds() ?? cpuMicroseconds,
                peakMemoryBytes: cgroup?.peakMemoryBytes() ?? 0)
        }
    }
}
