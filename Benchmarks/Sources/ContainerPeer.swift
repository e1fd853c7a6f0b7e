import Foundation

/// A container runtime of this machine that runs `true` on the host's own /usr, read-only and without a network: no
/// image is needed, so nothing is downloaded. Without cgroups, which not every machine lets them make: that saves them
/// work that a session does.
struct ContainerPeer {
    /// As it stands in the table.
    let name: String
    /// What a warm session's time should be of it; nil where it is only for information.
    let target: Table.Target?
    private var arguments: [String]
    private let program: String
    /// Gets what the runtime says when it cannot.
    private let complaints: String

    private init(_ name: String, _ arguments: [String], target: Table.Target? = nil, complaints: String) {
        self.name = name
        self.target = target
        self.arguments = arguments
        self.complaints = complaints
        program = arguments[0]
    }

    /// The runtimes that are installed, and a note for each that is not.
    ///
    /// - Parameters:
    ///   - directory: gets the containers' root directory and description.
    ///   - place: where they run.
    static func find(in directory: String, at place: ContainerPlace) throws -> (
        peers: [ContainerPeer], notes: [String]
    ) {
        let root = directory + "/root"
        try makeRoot(root)
        try Data(description.utf8).write(to: URL(filePath: directory + "/config.json"))
        let number = ProcessInfo.processInfo.processIdentifier
        let complaints = directory + "/complaints"
        let known = [
            ContainerPeer(
                "podman run true",
                [
                    "podman", "--root", directory + "/store", "--runroot", directory + "/runroot", "--storage-driver",
                    "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "crun", "run", "--cgroups", "disabled",
                    // Its own defaults are above what root may have in a container.
                    "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--rm", "--network", "none",
                    "--read-only", "--volume", "/usr:/usr:ro", "--rootfs", root, "true",
                ], target: .atMost(0.1), complaints: complaints),
            ContainerPeer(
                "crun run, true",
                ["crun", "--cgroup-manager", "disabled", "run", "--bundle", directory, "nrx-bench-\(number)"],
                complaints: complaints),
        ]
        var notes: [String] = []
        var peers: [ContainerPeer] = []
        for var peer in known {
            guard peer.isInstalled else {
                notes.append("\(peer.program): not installed: apt-get install crun podman")
                continue
            }
            peer.arguments = place.enter + peer.arguments
            do {
                try peer.runTrue()
                peers.append(peer)
            } catch { notes.append("\(peer.program): not measured: \(error)") }
        }
        return (peers, notes)
    }

    private var isInstalled: Bool {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }

    /// One whole run. Blocking.
    func runTrue() throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for number: Int32 in 0...1 { posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0) }
        posix_spawn_file_actions_addopen(&actions, 2, complaints, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // Strings that live until the runtime has started, and so read them.
        let strings = arguments.map { strdup($0) }
        defer { strings.forEach { free($0) } }
        var pid: pid_t = 0
        let variables = ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") }
        defer { variables.forEach { free($0) } }
        let failure = posix_spawnp(&pid, arguments[0], &actions, nil, strings + [nil], variables + [nil])
        guard failure == 0 else { throw BenchmarkError("cannot start \(arguments[0]): errno \(failure)") }
        var status: Int32 = 0
        guard waitpid(pid, &status, 0) == pid, status == 0 else {
            let text = try String(contentsOfFile: complaints, encoding: .utf8)
            throw BenchmarkError(text.split(separator: "\n").first.map(String.init) ?? "it ended with status \(status)")
        }
    }

    /// Links and mount points; the programs come from the host's /usr.
    private static func makeRoot(_ root: String) throws {
        let files = FileManager.default
        for name in ["usr", "proc", "dev", "sys", "tmp", "etc", "run"] {
            try files.createDirectory(atPath: root + "/" + name, withIntermediateDirectories: true)
        }
        for name in ["bin", "sbin", "lib", "lib64"] where files.fileExists(atPath: "/usr/" + name) {
            try files.createSymbolicLink(atPath: root + "/" + name, withDestinationPath: "usr/" + name)
        }
    }

    /// The OCI runtime's: the namespaces that a session has, but no user of its own, no filter and no limits.
    private static let description = """
        {"ociVersion": "1.0.0",
         "process": {"terminal": false, "user": {"uid": 0, "gid": 0}, "args": ["true"], "cwd": "/",
                     "env": ["PATH=/usr/bin:/bin"], "noNewPrivileges": true},
         "root": {"path": "root", "readonly": true},
         "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
                    {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}],
         "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
                                  {"type": "mount"}]}}

        """
}
