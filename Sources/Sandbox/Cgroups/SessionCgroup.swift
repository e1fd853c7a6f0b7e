import CLinux
import Glibc
import Synchronization

/// The cgroups of one session, whatever the machine's version.
///
/// In the hierarchy that knows every process: `init` (bubblewrap and nrx-init) and `work` (everything the session runs).
/// The limits are on `work`, so that no fork bomb and no memory hog takes process 1, which destroys the session. Each
/// command has its own child of `work`, so that a timeout kills that command's processes and no others.
final class SessionCgroup: Sendable {
    private let host: CgroupHost
    let name: String
    private let execCount = Atomic<Int>(0)

    init(host: CgroupHost, name: String) {
        self.host = host
        self.name = name
    }

    private func directory(_ hierarchy: CgroupHost.Hierarchy, _ suffix: String = "") -> CgroupDirectory {
        CgroupDirectory(path: hierarchy.base + "/" + name + suffix, version: hierarchy.version)
    }

    var whole: CgroupDirectory { directory(host.tree) }
    var work: CgroupDirectory { directory(host.tree, "/work") }
    /// Where bubblewrap, and so nrx-init, is born.
    var initGroup: CgroupDirectory { directory(host.tree, "/init") }
    private var memoryWork: CgroupDirectory? { host.hierarchy(of: .memory).map { directory($0, "/work") } }

    /// Makes what bubblewrap is born in, so that it can start at once.
    func makeForInit() throws(SandboxError) {
        try whole.make()
        try initGroup.make()
    }

    /// Makes the other groups, and that of the first command. Nothing is limited yet.
    ///
    /// - Parameter monitor: bubblewrap, which is in ``initGroup`` already.
    func makeForWork(monitor: pid_t) throws(SandboxError) -> ExecCgroup {
        for hierarchy in host.hierarchies {
            try directory(hierarchy).make()
            if hierarchy.version == .v2 { CgroupHost.delegate(hierarchy.controllers, in: directory(hierarchy).path) }
            try directory(hierarchy, "/work").make()
            if hierarchy.version == .v2 {
                CgroupHost.delegate(hierarchy.controllers, in: directory(hierarchy, "/work").path)
            }
        }
        let first = try makeExec()
        // Moves nothing. But the first process that enters a v2 group waits for a grace period of the kernel, some
        // milliseconds, and those that come just after it do not: now that wait falls into bubblewrap's own start. If it
        // cannot be done, the first command only waits longer.
        if host.tree.version == .v2 { _ = KernelFile.write("\(monitor)", to: initGroup.file("cgroup.procs")) }
        return first
    }

    /// Sets the limits of `specification` on `work`.
    func limit(_ specification: SessionSpecification) throws(SandboxError) {
        if let hierarchy = host.hierarchy(of: .memory) {
            let group = directory(hierarchy, "/work")
            if hierarchy.version == .v2 {
                try group.set("memory.max", "\(specification.memoryBytes)")
                if access(group.file("memory.swap.max"), F_OK) == 0 { try group.set("memory.swap.max", "0") }
                try group.set("memory.oom.group", "1")
            } else {
                try group.set("memory.limit_in_bytes", "\(specification.memoryBytes)")
                let withSwap = "memory.memsw.limit_in_bytes"
                if access(group.file(withSwap), F_OK) == 0 {
                    try group.set(withSwap, "\(specification.memoryBytes)")
                } else {
                    try group.set("memory.swappiness", "0")
                }
            }
        }
        if let hierarchy = host.hierarchy(of: .pids) {
            try directory(hierarchy, "/work").set("pids.max", "\(specification.processesMax)")
        }
        if let hierarchy = host.hierarchy(of: .cpu) {
            let group = directory(hierarchy, "/work")
            let period = 100_000
            let quota = specification.processorThousandths * period / 1_000
            if hierarchy.version == .v2 {
                try group.set("cpu.max", "\(quota) \(period)")
            } else {
                try group.set("cpu.cfs_period_us", "\(period)")
                try group.set("cpu.cfs_quota_us", "\(quota)")
            }
        }
    }

    /// The limits as the kernel has them now.
    func measuredLimits() -> (memoryBytes: Int64?, processes: Int64?, hasProcessorLimit: Bool) {
        var memory: Int64?
        var processes: Int64?
        var processor = false
        if let hierarchy = host.hierarchy(of: .memory) {
            let file = hierarchy.version == .v2 ? "memory.max" : "memory.limit_in_bytes"
            memory = KernelFile.number(directory(hierarchy, "/work").file(file))
        }
        if let hierarchy = host.hierarchy(of: .pids) {
            processes = KernelFile.number(directory(hierarchy, "/work").file("pids.max"))
        }
        if let hierarchy = host.hierarchy(of: .cpu) {
            let group = directory(hierarchy, "/work")
            processor =
                hierarchy.version == .v2
                ? KernelFile.read(group.file("cpu.max")).map { !$0.hasPrefix("max") } ?? false
                : (KernelFile.number(group.file("cpu.cfs_quota_us")) ?? -1) > 0
        }
        return (memory, processes, processor)
    }

    /// Makes the group of one command.
    func makeExec() throws(SandboxError) -> ExecCgroup {
        let number = execCount.add(1, ordering: .relaxed).newValue
        let suffix = "/work/exec-\(number)"
        let tree = directory(host.tree, suffix)
        try tree.make()
        var memory: CgroupDirectory?
        if let hierarchy = host.hierarchy(of: .memory) {
            let group = directory(hierarchy, suffix)
            try group.make()
            memory = group
        }
        var entrances: [Descriptor] = []
        for hierarchy in host.hierarchies {
            let hasOwn = hierarchy.base == host.tree.base || hierarchy.controllers.contains(.memory)
            let group = hasOwn ? directory(hierarchy, suffix) : directory(hierarchy, "/work")
            entrances.append(try .open(group.entrance, O_WRONLY))
        }
        return ExecCgroup(tree: tree, memory: memory, entrances: entrances)
    }

    /// Processes of the session, `monitor` (bubblewrap's own, outside the namespaces) not counted.
    func processCount(without monitor: pid_t) -> Int { whole.processes().count { $0 != monitor } }

    /// Stops and kills everything but init, as it is now. A process that init has forked and that is still on its way
    /// into `work` is not met by this: init itself must kill it.
    func stopWork() {
        work.freeze()
        if let hierarchy = host.hierarchy(of: .pids) {
            // Where it cannot be set, the kills are repeated all the same until nothing is left.
            _ = KernelFile.write("0", to: directory(hierarchy, "/work").file("pids.max"))
        }
        work.killOnce()
    }

    /// Bytes of tmpfs and shared memory still charged to the session; nil when there is no memory cgroup.
    func sharedMemoryBytes() -> Int64? {
        guard let group = memoryWork else { return nil }
        let key = group.version == .v2 ? "shmem" : "total_shmem"
        return KernelFile.value(key, in: group.file("memory.stat"))
    }

    /// A descriptor that becomes ready when the kernel runs out of the session's memory, and how to wait for it; nil
    /// without a memory cgroup.
    func outOfMemoryDescriptor() throws(SandboxError) -> (descriptor: Descriptor, kept: Descriptor?, isEvent: Bool)? {
        guard let group = memoryWork else { return nil }
        if group.version == .v2 {
            return (try .open(group.file("memory.events"), O_RDONLY), nil, false)
        }
        let event = try Descriptor.event()
        let control = try Descriptor.open(group.file("memory.oom_control"), O_RDONLY)
        try group.set("cgroup.event_control", "\(event.number) \(control.number)")
        return (event, control, true)
    }

    /// Whether the group that counts the session's memory is still there.
    var hasMemoryGroup: Bool { memoryWork.map { access($0.path, F_OK) == 0 } ?? false }

    /// How often the kernel has killed for lack of memory in `work` itself (v2 counts those beneath).
    func outOfMemoryKills() -> Int64 { memoryWork.map(ExecCgroup.kills) ?? 0 }

    /// Removes all groups; none may hold a process. Returns the paths that stayed.
    func remove(timeoutMilliseconds: Int) -> [String] {
        host.hierarchies.map { directory($0) }
            .filter { !$0.remove(timeoutMilliseconds: timeoutMilliseconds) }.map(\.path)
    }
}

/// The cgroup of one command and its descendants.
final class ExecCgroup: Sendable {
    let tree: CgroupDirectory
    let memory: CgroupDirectory?
    /// Files through which the command's process enters before it runs.
    let entrances: [Descriptor]

    init(tree: CgroupDirectory, memory: CgroupDirectory?, entrances: [Descriptor]) {
        self.tree = tree
        self.memory = memory
        self.entrances = entrances
    }

    /// Processor time of everything that ran here; nil where the kernel does not count by group.
    func processorMicroseconds() -> Int64? {
        tree.version == .v2 ? KernelFile.value("usage_usec", in: tree.file("cpu.stat")) : nil
    }

    func peakMemoryBytes() -> Int64? {
        memory.flatMap {
            KernelFile.number($0.file($0.version == .v2 ? "memory.peak" : "memory.max_usage_in_bytes"))
        }
    }

    var outOfMemoryKills: Int64 { memory.map(Self.kills) ?? 0 }

    static func kills(_ group: CgroupDirectory) -> Int64 {
        KernelFile.value("oom_kill", in: group.file(group.version == .v2 ? "memory.events" : "memory.oom_control")) ?? 0
    }

    /// Removes the group when nothing of the command lives on. Returns whether it is gone.
    func removeIfEmpty() -> Bool {
        guard rmdir(tree.path) == 0 || errno == ENOENT else { return false }
        if let memory, memory.path != tree.path { _ = rmdir(memory.path) }
        return true
    }
}
