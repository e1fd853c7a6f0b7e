import CLinux
import Glibc
import Merkle

/// What the server keeps between its lives: a lock, and cgroups under a name that follows from the state directory.
enum HostState {
    /// Makes the directory when it is not there and takes its lock, which ends with the process.
    static func lock(_ directory: String) throws(SandboxError) -> Descriptor {
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw SandboxError(.configuration, "cannot make the directory \(directory)", systemError: errno)
        }
        let file = try Descriptor.open(directory + "/lock", O_RDWR | O_CREAT, mode: 0o600)
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
            throw SandboxError(
                .configuration, "another server uses \(directory): stop it, or give this one its own directory",
                systemError: errno)
        }
        return file
    }

    /// Gives the lock up by name: closing alone leaves it to a child that was forked and has not begun its program.
    static func unlock(_ file: Descriptor) {
        _ = flock(file.number, LOCK_UN)
        file.close()
    }

    /// The same for the same directory, also after a restart, and no other server's.
    static func cgroupName(_ directory: String) -> String {
        var status = nrx_file_status()
        // Device and inode name the directory whatever path leads to it.
        let isThere = nrx_file_status(AT_FDCWD, directory, &status) == 0
        let identity = isThere ? "\(status.device):\(status.inode)" : directory
        return "nrx-" + Hash(of: Array(identity.utf8)).hex.prefix(16)
    }
}

/// What a dead server had left.
public struct Leftovers: Sendable, Equatable {
    /// Environments of which something was found.
    public var environments = 0
    /// Processes that were killed.
    public var processes = 0
    /// Cgroups that could not be removed.
    public var notRemoved: [String] = []

    var isNothing: Bool { environments == 0 && processes == 0 && notRemoved.isEmpty }

    /// Kills and removes everything beneath this server's own directories of the cgroup hierarchies.
    static func remove(from host: CgroupHost) -> Leftovers {
        var result = Leftovers()
        var names: Set<String> = []
        for hierarchy in host.hierarchies {
            let base = CgroupDirectory(path: hierarchy.base, version: hierarchy.version)
            for group in base.children() {
                names.insert(String(group.path.split(separator: "/").last ?? ""))
                result.processes += group.processes().count
                _ = group.killAll(timeoutMilliseconds: 5_000)
                if !group.remove(timeoutMilliseconds: 5_000) { result.notRemoved.append(group.path) }
            }
        }
        result.environments = names.count
        return result
    }
}

/// The two programs that a sandbox is made of.
enum HostPrograms {
    static func bubblewrap(_ configuration: SandboxConfiguration) throws(SandboxError) -> String {
        var candidates = configuration.bubblewrapPath.map { [$0] } ?? ["/usr/bin/bwrap", "/usr/local/bin/bwrap"]
        if configuration.bubblewrapPath == nil, let path = getenv("PATH") {
            candidates += String(cString: path).split(separator: ":").map { $0 + "/bwrap" }
        }
        guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw SandboxError(
                .configuration, "bubblewrap is not installed: apt-get install bubblewrap (looked for \(candidates[0]))")
        }
        return found
    }

    static func initProgram(_ configuration: SandboxConfiguration) throws(SandboxError) -> Descriptor {
        var candidates: [String] = []
        if let path = configuration.initPath {
            candidates = [path]
        } else {
            var buffer = [CChar](repeating: 0, count: 4_096)
            let count = readlink("/proc/self/exe", &buffer, buffer.count)
            if count > 0 {
                let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
                candidates.append(own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/nrx-init")
            }
            if let path = getenv("NRX_INIT") { candidates.append(String(cString: path)) }
        }
        for path in candidates where access(path, X_OK) == 0 { return try .open(path, O_RDONLY) }
        throw SandboxError(
            .configuration,
            "nrx-init is not there: build it with scripts/build-init.sh (looked for \(candidates.joined(separator: ", ")))"
        )
    }
}
