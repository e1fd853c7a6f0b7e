import CLinux
import Glibc

/// Operations on one cgroup directory, the same for v1 and v2 where the kernel has them.
struct CgroupDirectory: Sendable {
    var path: String
    var version: CgroupHost.Hierarchy.Version

    func file(_ name: String) -> String { path + "/" + name }

    /// The file to which a process without other threads writes "0" to come in. That of v1 moves one thread, for which
    /// the kernel needs no lock of the whole machine and so no grace period, which would take milliseconds.
    var entrance: String { file(version == .v1 ? "tasks" : "cgroup.procs") }

    func make() throws(SandboxError) {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .system("cannot make a cgroup", errno) }
    }

    func set(_ name: String, _ value: String) throws(SandboxError) {
        let failure = KernelFile.write(value, to: file(name))
        guard failure == 0 else { throw .system("cannot set \(name)", failure) }
    }

    /// Pids of this group and all beneath it, as the server's namespace sees them.
    func processes() -> [pid_t] {
        var result: [pid_t] = []
        for line in (KernelFile.read(file("cgroup.procs")) ?? "").split(separator: "\n") {
            if let pid = pid_t(line), pid != 0 { result.append(pid) }
        }
        for child in children() { result += child.processes() }
        return result
    }

    func children() -> [CgroupDirectory] {
        let number = nrx_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0)
        guard number >= 0 else { return [] }
        defer { close(number) }
        return (DirectoryListing.names(of: number) ?? []).compactMap { name in
            var status = nrx_file_status()
            guard nrx_file_status(number, name, &status) == 0, status.mode & S_IFMT == S_IFDIR else { return nil }
            return CgroupDirectory(path: file(DirectoryListing.text(name)), version: version)
        }
    }

    /// Kills every process here and beneath, once; those that come later live.
    func killOnce() {
        if version == .v2, KernelFile.write("1", to: file("cgroup.kill")) == 0 { return }
        for pid in processes() { kill(pid, SIGKILL) }
    }

    /// Kills every process here and beneath until none is left: one that enters or is forked after a kill is met by the
    /// next. Returns whether none is left in time.
    func killAll(timeoutMilliseconds: Int) -> Bool {
        let deadline = monotonicMicroseconds() + Int64(timeoutMilliseconds) * 1_000
        var pause: UInt32 = 50
        while true {
            killOnce()
            if !isPopulated { return true }
            if monotonicMicroseconds() > deadline { return false }
            usleep(pause)
            pause = min(pause * 2, 2_000)
        }
    }

    /// Whether a process is here or beneath; a group that is gone has none.
    var isPopulated: Bool {
        guard version == .v2 else { return !processes().isEmpty }
        guard let populated = KernelFile.value("populated", in: file("cgroup.events")) else {
            return access(path, F_OK) == 0
        }
        return populated != 0
    }

    /// Stops everything here where it stands (v2 only); killing works on stopped processes.
    func freeze() { if version == .v2 { _ = KernelFile.write("1", to: file("cgroup.freeze")) } }

    /// Removes the directory and those beneath; the kernel may need some milliseconds after the last process's end.
    func remove(timeoutMilliseconds: Int) -> Bool {
        let deadline = monotonicMicroseconds() + Int64(timeoutMilliseconds) * 1_000
        while true {
            if removeOnce() { return true }
            if monotonicMicroseconds() > deadline { return false }
            usleep(500)
        }
    }

    private func removeOnce() -> Bool {
        if rmdir(path) == 0 || errno == ENOENT { return true }
        for child in children() where !child.removeOnce() { return false }
        return rmdir(path) == 0 || errno == ENOENT
    }
}
