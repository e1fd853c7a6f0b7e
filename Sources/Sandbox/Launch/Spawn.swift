import CLinux
import Glibc

/// A program to start, with exactly the descriptors that it shall have.
struct Spawn: Sendable {
    var path: String
    var arguments: [String]
    /// Host user and group to become; nil stays the server's.
    var user: uid_t?
    /// Descriptor i of the program is number i here.
    var descriptors: [Descriptor]
    /// Where it is born or what it enters first; nil stays in the server's cgroup.
    var cgroup: CgroupDirectory?

    /// Starts it without an environment. The calling thread waits until the program runs; `--die-with-parent` of
    /// bubblewrap follows this thread.
    func run() throws(SandboxError) -> (pid: pid_t, descriptor: Descriptor) {
        // Born in the group where the kernel can (cgroup v2, Linux 5.7); else it moves there, which takes longer.
        if let cgroup, cgroup.version == .v2 {
            let directory = try Descriptor.open(cgroup.path, O_RDONLY | O_DIRECTORY)
            let result = start(cgroup: directory.number, entrance: -1)
            if result.failure != ENOSYS && result.failure != EINVAL { return try result.get(path) }
        }
        let entrance = try cgroup.map { (group) throws(SandboxError) in
            try Descriptor.open(group.entrance, O_WRONLY)
        }
        return try start(cgroup: -1, entrance: entrance?.number ?? -1).get(path)
    }

    private struct Started {
        var pid: pid_t = 0
        var descriptor: Int32 = -1
        var failure: Int32 = 0

        func get(_ path: String) throws(SandboxError) -> (pid: pid_t, descriptor: Descriptor) {
            guard failure == 0 else { throw SandboxError(.startFailed, "cannot start \(path)", systemError: failure) }
            return (pid, Descriptor(descriptor))
        }
    }

    private func start(cgroup: Int32, entrance: Int32) -> Started {
        // C strings that live until this function returns; the child has become the program by then.
        let strings = arguments.map { strdup($0) }
        defer { strings.forEach { free($0) } }
        var started = Started()
        var request = nrx_spawn()
        request.user = user ?? 0
        request.group = user ?? 0
        request.drop = user == nil ? 0 : 1
        request.descriptor_count = descriptors.count
        request.cgroup = cgroup
        request.cgroup_entrance = entrance
        started.failure = path.withCString { path in
            (strings + [nil]).withUnsafeBufferPointer { arguments in
                descriptors.map(\.number).withUnsafeBufferPointer { descriptors in
                    // All pointers stay valid for the call: nrx_spawn keeps none of them. The list of variables is
                    // empty: it is the nil at the end of the arguments.
                    request.path = path
                    request.arguments = arguments.baseAddress
                    request.environment = arguments.baseAddress?.advanced(by: strings.count)
                    request.descriptors = descriptors.baseAddress
                    return nrx_spawn(&request, &started.pid, &started.descriptor)
                }
            }
        }
        return started
    }
}
