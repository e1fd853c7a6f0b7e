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
    /// cgroup.procs files that the process enters first.
    var cgroups: [Descriptor]

    /// Starts it without an environment. The calling thread waits until the program runs; `--die-with-parent` of
    /// bubblewrap follows this thread.
    func run() throws(SandboxError) -> (pid: pid_t, descriptor: Descriptor) {
        // C strings that live until this function returns; the child has become the program by then.
        let strings = arguments.map { strdup($0) }
        defer { strings.forEach { free($0) } }
        var pid: pid_t = 0
        var pidDescriptor: Int32 = -1
        var request = nrx_spawn()
        request.user = user ?? 0
        request.group = user ?? 0
        request.drop = user == nil ? 0 : 1
        request.descriptor_count = descriptors.count
        request.cgroup_count = cgroups.count
        let failure = Self.withPointers(
            path, strings + [nil], descriptors.map(\.number), cgroups.map(\.number)
        ) { path, arguments, descriptors, cgroups in
            // All pointers stay valid for the call: nrx_spawn keeps none of them. Without variables, the list of
            // arguments ends where the list of variables would begin: at its own nil.
            request.path = path
            request.arguments = arguments
            request.environment = arguments.advanced(by: strings.count)
            request.descriptors = descriptors
            request.cgroups = cgroups
            return nrx_spawn(&request, &pid, &pidDescriptor)
        }
        guard failure == 0 else { throw SandboxError(.startFailed, "cannot start \(path)", systemError: failure) }
        return (pid, Descriptor(pidDescriptor))
    }

    private typealias ArgumentList = UnsafePointer<UnsafeMutablePointer<CChar>?>

    private static func withPointers(
        _ path: String, _ arguments: [UnsafeMutablePointer<CChar>?], _ descriptors: [Int32], _ cgroups: [Int32],
        _ body: (UnsafePointer<CChar>, ArgumentList, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Int32
    ) -> Int32 {
        path.withCString { path in
            arguments.withUnsafeBufferPointer { arguments in
                descriptors.withUnsafeBufferPointer { descriptors in
                    cgroups.withUnsafeBufferPointer { cgroups in
                        // Never empty: the nil at the end is always there.
                        guard let list = arguments.baseAddress else { return EINVAL }
                        return body(path, list, descriptors.baseAddress, cgroups.baseAddress)
                    }
                }
            }
        }
    }
}
