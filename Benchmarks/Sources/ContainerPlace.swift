import Foundation

/// Where container runtimes run: in a mount namespace of their own that hides an empty cgroup v2 hierarchy beside v1's
/// controllers, where the machine has that. crun refuses such a mixture. Everywhere else they run as they are.
///
/// A process holds the namespace open and each run enters it with `nsenter`, which costs less than a millisecond.
final class ContainerPlace {
    /// What comes before the runtime's own command line.
    let enter: [String]
    private let keeper: Process?

    private static let unified = "/sys/fs/cgroup/unified"

    init() throws {
        guard FileManager.default.fileExists(atPath: Self.unified + "/cgroup.controllers") else {
            (enter, keeper) = ([], nil)
            return
        }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        let script = "umount \(Self.unified) && echo ready && exec sleep infinity"
        process.arguments = ["--mount", "--propagation", "private", "sh", "-c", script]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        guard output.fileHandleForReading.availableData.count > 0 else {
            process.waitUntilExit()
            throw BenchmarkError("no mount namespace for container runtimes: the benchmark is not run as root")
        }
        keeper = process
        enter = ["nsenter", "--mount=/proc/\(process.processIdentifier)/ns/mnt", "--"]
    }

    deinit { keeper?.terminate() }
}
