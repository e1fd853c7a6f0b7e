import CLinux
import Glibc
import Synchronization

/// Starts environments: bubblewrap as an unprivileged user, nrx-init inside it, and waits until init has said hello.
final class Launcher: Sendable {
    let configuration: SandboxConfiguration
    let bubblewrap: String
    let cgroups: CgroupHost?
    /// Layers that this machine lacks and the operator allowed to be missing.
    let missingLayers: Set<Layer>
    let spawner: SerialThread
    private let initProgram: Descriptor
    private let filter: Descriptor
    private let passwd: Descriptor
    private let group: Descriptor
    private let null: Descriptor
    private let userCount = Atomic<UInt32>(0)

    init(
        configuration: SandboxConfiguration, bubblewrap: String, initProgram: Descriptor, cgroups: CgroupHost?,
        missingLayers: Set<Layer>
    ) throws(SandboxError) {
        self.configuration = configuration
        self.bubblewrap = bubblewrap
        self.initProgram = initProgram
        self.cgroups = cgroups
        self.missingLayers = missingLayers
        filter = try .memory("filter", missingLayers.contains(.syscallFilter) ? [] : SyscallFilter.program())
        passwd = try .memory("passwd", Array(BubblewrapArguments.passwd.utf8))
        group = try .memory("group", Array(BubblewrapArguments.group.utf8))
        null = try .open("/dev/null", O_RDWR)
        spawner = try SerialThread()
    }

    /// Starts one environment and waits until it is ready. Blocks; on a failure nothing is left of it.
    ///
    /// - Parameter workspaceBytes: size of its tmpfs.
    func launch(workspaceBytes: Int64) throws(SandboxError) -> RawEnvironment {
        let identity = Self.randomHex(16)
        var cgroup: SessionCgroup?
        if let cgroups {
            let made = SessionCgroup(host: cgroups, name: "env-" + identity)
            cgroup = made
            do throws(SandboxError) { try made.makeForInit() } catch {
                _ = made.remove(timeoutMilliseconds: 100)
                throw error
            }
        }
        do throws(SandboxError) {
            return try launch(identity: identity, workspaceBytes: workspaceBytes, cgroup: cgroup)
        } catch {
            if let cgroup {
                _ = cgroup.whole.killAll(timeoutMilliseconds: 1_000)
                _ = cgroup.remove(timeoutMilliseconds: 1_000)
            }
            throw error
        }
    }

    private func launch(identity: String, workspaceBytes: Int64, cgroup: SessionCgroup?) throws(SandboxError)
        -> RawEnvironment
    {
        let (own, theirs) = try Descriptor.socketPair()
        let credentials = nrx_pass_credentials(own.number)
        guard credentials == 0 else { throw .system("cannot ask for credentials", credentials) }
        let complaints = try Descriptor.pipe()
        let hostName = "s-" + Self.randomHex(6)
        let arguments = BubblewrapArguments.make(
            hostName: hostName, workspaceBytes: workspaceBytes, without: missingLayers,
            hostHas: { access($0, F_OK) == 0 })
        // In the order of BubblewrapArguments.Inherited.
        let descriptors = [
            null, null, complaints.write, theirs, try filter.reopened(), try passwd.reopened(), try group.reopened(),
            initProgram,
        ]
        let user = nextUser()
        let spawn = Spawn(
            path: bubblewrap, arguments: arguments, user: user, descriptors: descriptors,
            cgroup: cgroup?.initGroup)
        let child = try spawner.sync { () throws(SandboxError) in try spawn.run() }
        theirs.close()
        complaints.write.close()
        do throws(SandboxError) {
            // While bubblewrap builds the namespaces.
            let group = try cgroup.map { (cgroup) throws(SandboxError) in
                try cgroup.makeForWork(monitor: child.pid)
            }
            let initPid = try greeting(own, complaints: complaints.read)
            return try RawEnvironment(
                identity: identity, hostName: hostName, monitor: child.pid, monitorDescriptor: child.descriptor,
                initPid: initPid, user: user, channel: InitChannel(control: own), cgroup: cgroup, firstGroup: group,
                missingLayers: missingLayers)
        } catch {
            _ = nrx_pidfd_signal(child.descriptor.number, SIGKILL)
            _ = nrx_pidfd_wait(child.descriptor.number, 1_000)
            _ = nrx_pidfd_reap(child.descriptor.number)
            throw error
        }
    }

    /// A user number for one environment; nil when the server is not root and shares its own.
    private func nextUser() -> uid_t? {
        guard geteuid() == 0 else { return nil }
        let number = userCount.add(1, ordering: .relaxed).oldValue
        return configuration.userIDBase + number % max(configuration.userIDCount, 1)
    }

    /// Waits for init's first message; the kernel adds its pid, so nobody can claim to be another.
    private func greeting(_ socket: Descriptor, complaints: Descriptor) throws(SandboxError) -> pid_t {
        let reply: InitChannel.Reply?
        do throws(SandboxError) {
            reply = try InitChannel.receive(socket, milliseconds: configuration.startTimeoutMilliseconds)
        } catch {
            guard error.code == .gone else { throw error }
            throw StartFailure.explain(Self.text(complaints))
        }
        guard let reply else { throw SandboxError(.startFailed, "the environment did not come up in time") }
        if reply.type == NRX_REPLY_FAILED && nrx_stage(reply.raw.stage) == NRX_STAGE_LAYOUT {
            throw SandboxError(
                .layerMissing, "this bubblewrap did not put every writable place on the session's own tmpfs",
                place: Layer.mountNamespace.rawValue)
        }
        guard reply.type == NRX_REPLY_HELLO, reply.raw.value == UInt64(NRX_PROTOCOL_VERSION), reply.sender > 0 else {
            throw SandboxError(
                .startFailed,
                "nrx-init and the server are not of the same build (protocol \(reply.raw.value), not "
                    + "\(NRX_PROTOCOL_VERSION)): build both from the same source with `make build`")
        }
        return reply.sender
    }

    private static func text(_ pipe: Descriptor) -> String {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(pipe.number, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
    }

    static func randomHex(_ byteCount: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef")
        return String((0..<byteCount * 2).map { _ in digits[Int.random(in: 0..<16, using: &generator)] })
    }
}
