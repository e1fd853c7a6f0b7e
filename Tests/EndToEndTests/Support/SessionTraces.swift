import Foundation
import Merkle
import ServerFixtures
import Testing

/// What sessions leave on the machine while they live.
enum SessionTraces {
    /// Whether a process is there and no zombie.
    static func isAlive(_ pid: Int32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return text.split(separator: ")").last?.split(separator: " ").first != "Z"
    }

    /// The cgroups of sessions whose server keeps its state in this directory, in every hierarchy. Every process of a
    /// session is in one of them from its first instruction on, and one that holds a process cannot be removed.
    static func cgroups(of directory: TemporaryDirectory) throws -> [String] {
        var status = stat()
        try #require(stat(directory.path + "/data/sandbox", &status) == 0)
        let name = "nrx-" + Hash(of: Array("\(status.st_dev):\(status.st_ino)".utf8)).hex.prefix(16)
        let found = try BuiltPrograms.run(
            "/usr/bin/find", ["/sys/fs/cgroup", "-mindepth", "1", "-type", "d", "-path", "*/\(name)/*"])
        return found.text.split(separator: "\n").map(String.init)
    }

    /// Mounts of sessions' file systems that the host's own namespace shows.
    static func mounts() throws -> [String] {
        try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8).split(separator: "\n").map(String.init)
            .filter { $0.contains("/workspace") || $0.contains("/run/session") }
    }
}
