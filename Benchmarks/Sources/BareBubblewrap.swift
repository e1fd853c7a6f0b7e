import CLinux
import Foundation

/// bubblewrap started as the sandbox starts it, with `true` in the place of nrx-init and nothing around it.
///
/// Flags, user and the files that the flags name by descriptor are read off a running session's bubblewrap, so the peer
/// can never drift from the real thing.
struct BareBubblewrap {
    /// A bubblewrap of a session that is alive.
    struct Observed {
        let path: String
        let arguments: [String]
        let user: UInt32

        /// The first bubblewrap among this process's children.
        static func firstChild() throws -> Observed {
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
                let process = "/proc/" + name
                guard let status = try? String(contentsOfFile: process + "/status", encoding: .utf8),
                    field("Name", of: status) == "bwrap", field("PPid", of: status) == "\(getpid())",
                    let user = field("Uid", of: status).flatMap(UInt32.init),
                    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: process + "/exe"),
                    let line = FileManager.default.contents(atPath: process + "/cmdline")
                else { continue }
                let arguments = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                return Observed(path: path, arguments: arguments, user: user)
            }
            throw BenchmarkError("no session's bubblewrap is running")
        }

        /// The first word of a line of /proc/<pid>/status.
        private static func field(_ name: String, of status: String) -> String? {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.map(String.init)
        }
    }

    private let path: String
    private let arguments: [String]
    private let user: UInt32
    /// In the order of the numbers that the arguments use: three streams, the control socket (unused), and the files.
    private let files: [String]

    init(observing observed: Observed) throws {
        guard let end = observed.arguments.lastIndex(of: "--") else {
            throw BenchmarkError("bubblewrap's command line has no end of flags")
        }
        path = observed.path
        user = observed.user
        arguments = observed.arguments[...end] + ["true"]
        let null = "/dev/null"
        files = try [null, null, null, null] + ["filter", "passwd", "group"].map(Self.memoryFile)
    }

    /// The launcher's own file in memory of that name; it lives in this process.
    private static func memoryFile(_ name: String) throws -> String {
        let descriptors = "/proc/self/fd/"
        for number in try FileManager.default.contentsOfDirectory(atPath: descriptors) {
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: descriptors + number)
            if let target, target.hasPrefix("/memfd:" + name) { return descriptors + number }
        }
        throw BenchmarkError("the launcher holds no file in memory called \(name)")
    }

    /// One whole run. Blocking.
    func runTrue() throws {
        let descriptors = files.map { open($0, $0 == "/dev/null" ? O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC) }
        defer { descriptors.forEach { close($0) } }
        let strings = arguments.map { strdup($0) }
        defer { strings.forEach { free($0) } }
        let argumentList = strings + [nil]
        let environment = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { environment.forEach { free($0) } }
        var pid: pid_t = 0
        var pidDescriptor: Int32 = -1
        let failure = argumentList.withUnsafeBufferPointer { argumentList in
            environment.withUnsafeBufferPointer { environment in
                descriptors.withUnsafeBufferPointer { descriptors in
                    path.withCString { path in
                        // All pointers stay valid for the call: nrx_spawn keeps none of them.
                        var request = nrx_spawn()
                        request.path = path
                        request.arguments = argumentList.baseAddress
                        request.environment = environment.baseAddress
                        request.user = user
                        request.group = user
                        request.drop = geteuid() == 0 ? 1 : 0
                        request.descriptors = descriptors.baseAddress
                        request.descriptor_count = descriptors.count
                        request.cgroup = -1
                        request.cgroup_entrance = -1
                        return nrx_spawn(&request, &pid, &pidDescriptor)
                    }
                }
            }
        }
        guard failure == 0 else { throw BenchmarkError("cannot start bubblewrap: errno \(failure)") }
        defer { close(pidDescriptor) }
        var status: Int32 = 0
        guard waitpid(pid, &status, 0) == pid, status == 0 else {
            throw BenchmarkError("bubblewrap alone ended with status \(status)")
        }
    }
}
