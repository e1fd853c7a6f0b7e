import Foundation

@testable import Sandbox

/// What a machine has of one host's sandboxes, and what this process holds: counted before and after.
struct Traces: Equatable, CustomStringConvertible {
    var cgroups = 0
    /// In those cgroups.
    var processes = 0
    /// Of this process, wherever they are; zombies too.
    var children = 0
    /// Mounts in this process's namespace.
    var mounts = 0
    /// In the host's state directory.
    var files = 0
    /// Open in this process.
    var descriptors = 0

    /// Whether everything is equal that belongs to the host alone.
    func isSame(as other: Traces) -> Bool {
        (cgroups, processes, mounts, files) == (other.cgroups, other.processes, other.mounts, other.files)
    }

    /// Counts for one host: others may run sandboxes beside it.
    static func count(_ host: SandboxHost, stateDirectory: String? = nil) -> Traces {
        var traces = Traces()
        for hierarchy in host.launcher.cgroups?.hierarchies ?? [] {
            let base = CgroupDirectory(path: hierarchy.base, version: hierarchy.version)
            traces.cgroups += base.children().count
            traces.processes += base.processes().count
        }
        traces.children = childCount()
        traces.mounts = (KernelFile.read("/proc/self/mountinfo") ?? "").split(separator: "\n").count
        if let stateDirectory {
            traces.files = FileManager.default.enumerator(atPath: stateDirectory)?.allObjects.count ?? -1
        }
        traces.descriptors = DirectoryListing.numbers(at: "/proc/self/fd").count
        return traces
    }

    /// Processes whose parent this process is, zombies too.
    private static func childCount() -> Int {
        DirectoryListing.numbers(at: "/proc").count { pid in
            let fields = KernelFile.read("/proc/\(pid)/stat")?.split(separator: ")").last?.split(separator: " ")
            return fields?.dropFirst().first.flatMap { Int32($0) } == getpid()
        }
    }

    var description: String {
        "cgroups \(cgroups), processes \(processes), children \(children), mounts \(mounts), files \(files), "
            + "descriptors \(descriptors)"
    }
}
