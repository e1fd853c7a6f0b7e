import Foundation

/// What the numbers were measured on.
enum Machine {
    /// Processor, kernel, disk and what else the machine is doing.
    static func description(directory: String) -> String {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let kernel = firstLine("/proc/sys/kernel/osrelease")
        return """
            machine: \(cores) cores of \(processor), Linux \(kernel)
            disk: \(disk(of: directory))
            load average at the start: \(loadAverage)
            """
    }

    /// Runnable processes over the last 1, 5 and 15 minutes.
    static var loadAverage: String {
        firstLine("/proc/loadavg").split(separator: " ").prefix(3).joined(separator: " ")
    }

    private static var processor: String {
        let info = text("/proc/cpuinfo").split(separator: "\n")
        let line = info.first { $0.hasPrefix("model name") } ?? "an unnamed processor"
        return line.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "an unnamed processor"
    }

    /// The mount with the longest path above `directory`.
    private static func disk(of directory: String) -> String {
        let mounts = text("/proc/mounts").split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let above = mounts.filter { $0.count > 3 && (directory + "/").hasPrefix($0[1] == "/" ? "/" : $0[1] + "/") }
        guard let mount = above.max(by: { $0[1].count < $1[1].count }) else { return "unknown" }
        return "\(mount[2]) on \(mount[0]) (\(mount[3]))"
    }

    private static func firstLine(_ path: String) -> String {
        text(path).split(separator: "\n").first.map(String.init) ?? "unknown"
    }

    private static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
