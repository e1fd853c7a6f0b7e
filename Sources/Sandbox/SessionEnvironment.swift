public import Proofs
import CLinux
import Glibc
import Synchronization

/// The isolated environment of one session, from its creation to its destruction.
///
/// ```swift
/// let environment = try await host.create(SessionSpecification(sessionID: id))
/// let result = try await environment.execute(ExecRequest(.shell("sort input/data | head"), inputData: rows))
/// let evidence = try await environment.destroy()
/// ```
public final class SessionEnvironment: Sendable {
    /// Something that ends the session from inside.
    public enum Incident: Sendable, Equatable {
        /// The kernel killed something of the session for lack of memory.
        case outOfMemory
        /// The session's init has ended, with everything in it.
        case died
    }

    public let sessionID: String
    /// Seals what the server must hold of this session; gone with it.
    public let dataKey: SessionDataKey
    /// Incidents as they happen; ends when the environment is destroyed. One reader.
    public let incidents: AsyncStream<Incident>

    let specification: SessionSpecification
    let raw: RawEnvironment
    let host: HostServices
    private let incidentSource: AsyncStream<Incident>.Continuation
    private let state = Mutex(State())
    /// Set before the incident is told, and never taken back.
    private let outOfMemory = Latch()

    private struct State {
        var isDestroying = false
        var isExecuting = false
        /// Names of variables that were set by callers; only their number is ever told.
        var variableNames: Set<String> = []
        /// Waits inside for the next command.
        var prepared: PreparedProcess?
        /// Groups of ended commands in which something still runs.
        var oldGroups: [ExecCgroup] = []
        var watches: [EventWatcher.Token] = []
        /// Open files and terminals; the destruction closes them.
        var facilities: [WeakFacility] = []
    }

    init(specification: SessionSpecification, raw: RawEnvironment, host: HostServices) throws(SandboxError) {
        self.specification = specification
        self.raw = raw
        self.host = host
        sessionID = specification.sessionID
        dataKey = try SessionDataKey()
        (incidents, incidentSource) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(8))
        try watch()
        let first = raw.takeFirstProcess()
        state.withLock { $0.prepared = first }
    }

    /// Whether a command is running now.
    public var isExecuting: Bool { state.withLock { $0.isExecuting } }

    /// Runs a command and waits for its end.
    ///
    /// - Parameters:
    ///   - request: what to run.
    ///   - output: takes the output as it comes, instead of the result; the command waits for a reader that stalls.
    /// - Throws: `busy` while another command runs, `gone` when the session ends under it, `noDirectory`,
    ///   `invalidRequest`, `full` when `inputData` does not fit.
    public func execute(
        _ request: ExecRequest, output: ExecOutputStream? = nil
    ) async throws(SandboxError) -> ExecResult {
        defer { output?.end() }
        try begin(request)
        defer { state.withLock { $0.isExecuting = false } }
        return try await host.threads.run { () throws(SandboxError) in try self.run(request, sink: output) }
    }

    private func begin(_ request: ExecRequest) throws(SandboxError) {
        let refusal: SandboxError? = state.withLock { state in
            if state.isDestroying { return SandboxError(.gone, "the session is being destroyed") }
            if state.isExecuting { return SandboxError(.busy, "a command is running in this session; one at a time") }
            state.isExecuting = true
            state.variableNames.formUnion(request.environment.keys)
            return nil
        }
        if let refusal { throw refusal }
    }

    /// On a thread that may block.
    private func run(_ request: ExecRequest, sink: ExecOutputStream?) throws(SandboxError) -> ExecResult {
        let program = try Program(
            request.command, directory: request.workingDirectory, variables: request.environment)
        if let input = request.inputData { try writeInput(input) }
        for _ in 0..<3 {
            let process = try takePrepared()
            defer { if let group = process.group { retire(group) } }
            let runner = ExecRunner(
                channel: raw.channel, process: process,
                graceMicroseconds: host.configuration.terminationGraceMicroseconds,
                drainMicroseconds: host.configuration.drainMicroseconds, limits: specification.processLimits,
                user: raw.user, hasRunOutOfMemory: { self.outOfMemory.isSet })
            if let result = try runner.run(program, request, sink: sink) {
                // Behind the answer, not before it.
                host.threads.start { [weak self] in self?.prepareNext() }
                return result
            }
            // The session itself killed the process that was to become the command; nothing has run.
        }
        throw SandboxError(.system, "the session kills its commands before they start")
    }

    /// The process that was made ahead, or a new one.
    private func takePrepared() throws(SandboxError) -> PreparedProcess {
        let ready = state.withLock { state in
            defer { state.prepared = nil }
            return state.prepared
        }
        if let ready { return ready }
        return try PreparedProcess(raw.channel, raw.cgroup)
    }

    /// Makes the process of the next command. That it cannot be made shows when it is needed.
    private func prepareNext() {
        guard !state.withLock({ $0.isDestroying || $0.prepared != nil }) else { return }
        let process = try? PreparedProcess(raw.channel, raw.cgroup)
        state.withLock { $0.prepared = process }
    }

    /// Removes the groups of commands that left nothing running.
    private func retire(_ group: ExecCgroup) {
        let candidates = state.withLock { state in
            defer { state.oldGroups = [] }
            return state.oldGroups + [group]
        }
        let alive = candidates.filter { !$0.removeIfEmpty() }
        state.withLock { $0.oldGroups += alive }
    }

    /// Kills everything, overwrites every block, zeroes the key, removes the environment, and measures all of it.
    ///
    /// - Returns: the evidence of a clean destruction.
    /// - Throws: what was not as it must be. The environment is gone then too, as far as the machine allowed.
    public func destroy() async throws(DestructionFailure) -> DestructionEvidence {
        let (isFirst, watches, facilities, secrets) = state.withLock { state in
            defer {
                state.isDestroying = true
                state.watches = []
                state.facilities = []
                state.prepared = nil
            }
            return (!state.isDestroying, state.watches, state.facilities, state.variableNames.count)
        }
        guard isFirst else {
            throw DestructionFailure(findings: [
                .init(step: 1, measurement: "destruction", expected: "first", measured: "repeated")
            ])
        }
        for token in watches { host.watcher.remove(token) }
        raw.channel.beginEnding()
        for facility in facilities { facility.value?.close() }
        let raw = raw
        let key = dataKey
        let host = host
        let result: Result<DestructionEvidence, DestructionFailure> = await host.threads.run {
            var destruction = Destruction(
                environment: raw, key: key, environmentSecrets: secrets, ownNamespaces: host.ownNamespaces,
                beforeComparing: host.configuration.beforeComparing)
            let result = Result { () throws(DestructionFailure) in try destruction.run() }
            host.exhaustedWaits.add(destruction.exhaustedWaits, ordering: .sequentiallyConsistent)
            return result
        }
        incidentSource.finish()
        host.forget(self)
        return try result.get()
    }

    /// Writes `/workspace/input/data`, which nothing may have turned into a link or a pipe.
    private func writeInput(_ bytes: [UInt8]) throws(SandboxError) {
        let flags = NRX_OPEN_WRITE.rawValue | NRX_OPEN_CREATE.rawValue | NRX_OPEN_TRUNCATE.rawValue
        let descriptor = try open("input/data", flags: flags | NRX_OPEN_PARENTS.rawValue, mode: 0o600)
        let file = try register(SessionFile(descriptor, threads: host.threads, bytesMax: .max))
        defer { file.close() }
        try file.append(bytes)
    }

    /// Throws once the destruction has begun.
    func refuseWhenDestroying() throws(SandboxError) {
        if state.withLock({ $0.isDestroying }) { throw SandboxError(.gone, "the session is being destroyed") }
    }

    /// Keeps track of something that a caller holds, so that the destruction can close it.
    func register<Held: Facility>(_ facility: Held) throws(SandboxError) -> Held {
        let isRefused = state.withLock { state in
            if state.isDestroying { return true }
            state.facilities.removeAll { $0.value == nil }
            state.facilities.append(WeakFacility(value: facility))
            return false
        }
        if isRefused {
            facility.close()
            throw SandboxError(.gone, "the session is being destroyed")
        }
        return facility
    }

    private struct WeakFacility {
        weak var value: (any Facility)?
    }

    /// Opens a path beneath the workspace; resolved inside by init, so that no link or race leads out.
    func open(_ path: String, flags: UInt32, mode: UInt32 = 0) throws(SandboxError) -> Descriptor {
        var header = nrx_request()
        header.type = NRX_REQUEST_OPEN.rawValue
        header.first = UInt64(flags)
        header.second = UInt64(mode)
        let reply = try raw.channel.ask(header, strings: [path])
        guard let descriptor = reply.descriptor else { throw .system("the session's init sent no descriptor", EPROTO) }
        return descriptor
    }

    private func watch() throws(SandboxError) {
        var tokens = [
            try host.watcher.add(raw.initDescriptor, kind: .readable) { [incidentSource] in
                incidentSource.yield(.died)
                return .remove
            }
        ]
        if let memory = try raw.cgroup?.outOfMemoryDescriptor(), let cgroup = raw.cgroup {
            let kept = memory.kept
            tokens.append(
                try host.watcher.add(memory.descriptor, kind: memory.isEvent ? .readable : .priority) {
                    [incidentSource, outOfMemory] in
                    _ = kept
                    if !memory.isEvent && cgroup.outOfMemoryKills() == 0 { return .keep }
                    // A v1 event fires when its group is removed, too: that is no lack of memory.
                    if memory.isEvent && !cgroup.hasMemoryGroup { return .remove }
                    outOfMemory.set()
                    incidentSource.yield(.outOfMemory)
                    return .remove
                })
        }
        let all = tokens
        state.withLock { $0.watches = all }
    }
}
