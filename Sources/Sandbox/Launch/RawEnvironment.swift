import CLinux
import Glibc
import Proofs
import Synchronization

/// A running environment that belongs to no session yet: its processes, its cgroup, its tmpfs, its namespaces.
final class RawEnvironment: Sendable {
    /// Random; names the cgroups, unknown inside.
    let identity: String
    let hostName: String
    /// bubblewrap itself, outside the namespaces; our child.
    let monitor: pid_t
    let monitorDescriptor: Descriptor
    /// nrx-init, as the server's namespace sees it.
    let initPid: pid_t
    let initDescriptor: Descriptor
    /// The host's number of the user that the session runs as; nil when it is the server's own.
    let user: uid_t?
    let channel: InitChannel
    let cgroup: SessionCgroup?
    let missingLayers: Set<Layer>
    /// The root directory of the tmpfs. Held from the beginning: even when init dies, what is in it can be overwritten.
    let tmpfs: Descriptor
    let tmpfsStatus: nrx_file_status
    let namespaces: IsolationEvidence.Namespaces
    /// Waits inside for the first command, from the environment's start on; taken by its session.
    private let firstProcess: Mutex<PreparedProcess?>

    init(
        identity: String, hostName: String, monitor: pid_t, monitorDescriptor: Descriptor, initPid: pid_t,
        user: uid_t?, channel: InitChannel, cgroup: SessionCgroup?, firstGroup: ExecCgroup?, missingLayers: Set<Layer>
    ) throws(SandboxError) {
        self.identity = identity
        self.hostName = hostName
        self.monitor = monitor
        self.monitorDescriptor = monitorDescriptor
        self.initPid = initPid
        self.user = user
        self.channel = channel
        self.cgroup = cgroup
        self.missingLayers = missingLayers
        let number = nrx_pidfd_open(initPid)
        guard number >= 0 else { throw .system("the session's init is gone", errno) }
        initDescriptor = Descriptor(number)
        namespaces = try Self.namespaces(of: initPid)
        tmpfs = try .open("/proc/\(initPid)/root\(BubblewrapArguments.tmpfs)", O_RDONLY | O_DIRECTORY)
        var usage = nrx_file_system_usage()
        var status = nrx_file_status()
        let failure = nrx_file_system_usage(tmpfs.number, &usage)
        guard failure == 0, usage.is_tmpfs != 0, nrx_file_status(tmpfs.number, "", &status) == 0 else {
            throw SandboxError(
                .layerMissing, "the session's writable place is no tmpfs", systemError: failure,
                place: Layer.mountNamespace.rawValue)
        }
        tmpfsStatus = status
        // The pid could only be another's now if init had died, and then its descriptor is readable.
        guard nrx_pidfd_wait(initDescriptor.number, 0) == 0 else {
            throw SandboxError(.startFailed, "the session's init ended at once")
        }
        firstProcess = Mutex(try PreparedProcess(channel, in: firstGroup))
    }

    /// The process for the first command; once.
    func takeFirstProcess() -> PreparedProcess? {
        firstProcess.withLock { process in
            defer { process = nil }
            return process
        }
    }

    /// Gives the environment the limits of a session.
    func configure(_ specification: SessionSpecification) throws(SandboxError) {
        try cgroup?.limit(specification)
        let failure = nrx_limit_tmpfs(
            tmpfs.number, UInt64(specification.workspaceBytes), UInt64(specification.workspaceFilesMax))
        // Without the right to change a mount from outside (not root), the size that it was mounted with holds; inodes
        // are then paid for by the memory limit alone.
        guard failure == 0 || geteuid() != 0 else { throw .system("cannot set the workspace's limits", failure) }
    }

    static func namespaces(of pid: pid_t) throws(SandboxError) -> IsolationEvidence.Namespaces {
        func inode(_ name: String) throws(SandboxError) -> Int64 {
            var status = stat()
            guard stat("/proc/\(pid)/ns/\(name)", &status) == 0 else {
                throw .system("cannot see the session's \(name) namespace", errno)
            }
            return Int64(status.st_ino)
        }
        return IsolationEvidence.Namespaces(
            cgroup: try inode("cgroup"), ipc: try inode("ipc"), mnt: try inode("mnt"), net: try inode("net"),
            pid: try inode("pid"), user: try inode("user"), uts: try inode("uts"))
    }

    /// Kills init, and with it everything in its pid namespace, and reaps. Returns whether all of it ended in time.
    func kill(timeoutMilliseconds: Int32) -> Bool {
        _ = nrx_pidfd_signal(initDescriptor.number, SIGKILL)
        channel.close()
        let initEnded = nrx_pidfd_wait(initDescriptor.number, timeoutMilliseconds) == 1
        if nrx_pidfd_wait(monitorDescriptor.number, timeoutMilliseconds) != 1 {
            _ = nrx_pidfd_signal(monitorDescriptor.number, SIGKILL)
        }
        let monitorEnded = nrx_pidfd_wait(monitorDescriptor.number, timeoutMilliseconds) == 1
        _ = nrx_pidfd_reap(monitorDescriptor.number)
        // bubblewrap reaps init; had it died first, init would have become our child.
        _ = nrx_pidfd_reap(initDescriptor.number)
        return initEnded && monitorEnded
    }
}
