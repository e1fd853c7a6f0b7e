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
    /// Whether the session has run out of memory.
    let hasRunOutOfMemory: () -> Bool

    /// Runs the command. Blocks until it has ended and its output has been read.
    ///
    /// - Parameter sink: takes the output, which is then not kept.
    /// - Returns: nil when the prepared process was lost before it became the program.
    func run(_ program: Program, _ request: ExecRequest, sink: ExecOutputStream?) throws(SandboxError) -> ExecResult? {
        let output = try Descriptor.pipe()
        let errors = try Descriptor.pipe()
        // So that a command can open /dev/stdout and /dev/stderr, which are these pipes.
        if let user {
            for pipe in [output.write, errors.write] where fchown(pipe.number, user, user) != 0 {
                throw .system("cannot give a pipe to the session", errno)
            }
        }
        let null = try Descriptor.open("/dev/null", O_RDONLY)
        let room = try sink.map { (_) throws(SandboxError) in try Descriptor.event() }
        if let sink, let room { sink.attach(room) }
        let start = monotonicMicroseconds()
        guard try process.start(program, limits, streams: [null, output.write, errors.write]) else { return nil }
        output.write.close()
        errors.write.close()
        var run = Run(
            runner: self, output: output.read, errors: errors.read, start: start,
            clock: ExecClock(
                start: start, timeout: request.timeoutMicroseconds, grace: graceMicroseconds,
                drain: drainMicroseconds),
            outputBytesMax: request.outputBytesMax, sink: sink, room: room)
        try run.loop()
        return run.isLost ? nil : run.result()
    }

    /// One command on its way: what has been read and learnt so far.
    private struct Run {
        let runner: ExecRunner
        var replies: Descriptor { runner.process.replies }
        let output: Descriptor
        let errors: Descriptor
        let start: Int64
        let sink: ExecOutputStream?
        /// Readable when `sink` can take more.
        let room: Descriptor?
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
            clock: ExecClock, outputBytesMax: Int, sink: ExecOutputStream?, room: Descriptor?
        ) {
            (self.runner, self.output, self.errors) = (runner, output, errors)
            (self.start, self.clock) = (start, clock)
            (self.sink, self.room) = (sink, room)
            stdout = OutputBuffer(bytesMax: outputBytesMax, keeps: sink == nil)
            stderr = OutputBuffer(bytesMax: outputBytesMax, keeps: sink == nil)
        }

        mutating func loop() throws(SandboxError) {
            while !(status != nil && stdout.isAtEnd && stderr.isAtEnd) {
                room?.clear()
                // A reader that stalls holds up a command that runs, never its end.
                let isHeld = status == nil && sink?.isFull ?? false
                var entries = [
                    entry(status == nil ? replies : nil), entry(stdout.isAtEnd || isHeld ? nil : output),
                    entry(stderr.isAtEnd || isHeld ? nil : errors), entry(isHeld ? room : nil),
                ]
                let ready = poll(&entries, 4, clock.wait(now: monotonicMicroseconds()))
                if ready < 0 && errno != EINTR { throw .system("cannot wait for the command", errno) }
                // Streams first: what was written before the end is read before the end is known.
                if entries[1].revents != 0 { readOutput() }
                if entries[2].revents != 0 { readErrors() }
                if entries[0].revents != 0 { try takeReply() }
                let action = clock.tick(now: monotonicMicroseconds())
                if action == .finish { break }
                perform(action)
            }
            // The command's tree goes as a whole when its time was up, whatever it left behind.
            if clock.timedOut { killTree() }
            if let setUpFailure { throw setUpFailure }
        }

        private func entry(_ descriptor: Descriptor?) -> pollfd {
            pollfd(fd: descriptor?.number ?? -1, events: Int16(POLLIN), revents: 0)
        }

        private mutating func readOutput() {
            let fresh = stdout.read(from: output.number, into: &chunk)
            if !fresh.isEmpty { sink?.offer(.standardOutput(fresh)) }
        }

        private mutating func readErrors() {
            let fresh = stderr.read(from: errors.number, into: &chunk)
            if !fresh.isEmpty { sink?.offer(.standardError(fresh)) }
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
            var status = status ?? 0
            let cgroup = runner.process.group
            // The group may be gone already, with the session whose memory ran out: then the session knows.
            let wasKilled = status & 0x7f == SIGKILL
            let outOfMemory = (cgroup?.outOfMemoryKills ?? 0) > 0 || (wasKilled && runner.hasRunOutOfMemory())
            // What the kernel would have done to the whole group where it can (memory.oom.group).
            if outOfMemory && status == 0 { status = SIGKILL }
            let signal = status & 0x7f
            return ExecResult(
                stdout: stdout.kept, stderr: stderr.kept, stdoutBytes: stdout.total, stderrBytes: stderr.total,
                exitCode: signal == 0 ? Int(status >> 8 & 0xff) : nil, signal: signal == 0 ? nil : Int(signal),
                timedOut: clock.timedOut, truncated: stdout.isTruncated || stderr.isTruncated,
                outOfMemory: outOfMemory, wallMicroseconds: endedAt - start,
                cpuMicroseconds: cgroup?.processorMicroseconds() ?? cpuMicroseconds,
                peakMemoryBytes: cgroup?.peakMemoryBytes() ?? 0)
        }
    }
}
