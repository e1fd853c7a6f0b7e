/// The command line of bubblewrap for one environment: which namespaces, which mounts, in which order.
enum BubblewrapArguments {
    /// Numbers that descriptors have in bubblewrap; nrx-init keeps only the control socket.
    enum Inherited: Int, CaseIterable {
        case input, output, errors
        /// NRX_CONTROL_DESCRIPTOR
        case control
        case filter, passwd, group, initProgram
    }

    /// Where the one tmpfs is mounted inside (NRX_TMPFS), and its directories that appear elsewhere.
    static let tmpfs = "/run/session"
    static let places: [(directory: String, mode: String, mounts: [String])] = [
        ("workspace", "0755", ["/workspace"]),
        ("tmp", "1777", ["/tmp", "/var/tmp"]),
        ("shm", "1777", ["/dev/shm"]),
        ("home", "0755", ["/home/user"]),
    ]

    /// The user and group inside, whatever they are outside.
    static let insideID = "1000"

    /// Read-only pieces of the host that programs need, besides /usr. Only those that exist.
    static let runtimeFiles = ["/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/certs"]

    /// Entries of /proc that tell of the host or its kernel, covered with nothing.
    static let maskedFiles = [
        "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/timer_stats", "/proc/latency_stats",
        "/proc/sched_debug", "/proc/interrupts", "/proc/cmdline",
    ]

    /// Parts of /proc where a session could write settings of its own namespaces, or pressure triggers; none need be.
    static let readOnlyPlaces = ["/proc/sys", "/proc/pressure"]

    static let passwd = """
        root:x:0:0:root:/:/usr/sbin/nologin
        user:x:1000:1000:session:/home/user:/bin/sh
        nobody:x:65534:65534:nobody:/:/usr/sbin/nologin

        """
    static let group = "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n"

    static func make(
        hostName: String, workspaceBytes: Int64, without missing: Set<Layer>, hostHas: (String) -> Bool
    ) -> [String] {
        var list = ["bwrap", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"]
        list += ["--unshare-pid", "--unshare-ipc", "--unshare-cgroup-try"]
        if !missing.contains(.userNamespace) {
            list += ["--unshare-user", "--disable-userns", "--uid", insideID, "--gid", insideID]
        }
        if !missing.contains(.networkNamespace) { list += ["--unshare-net"] }
        if !missing.contains(.hostName) { list += ["--unshare-uts", "--hostname", hostName] }
        if !missing.contains(.syscallFilter) { list += ["--seccomp", "\(Inherited.filter.rawValue)"] }
        list += runtime(hostHas: hostHas)
        list += ["--proc", "/proc", "--dev", "/dev"]
        list += ["--perms", "0755", "--size", "\(workspaceBytes)", "--tmpfs", tmpfs]
        for place in places { list += ["--perms", place.mode, "--dir", tmpfs + "/" + place.directory] }
        for place in places {
            for mount in place.mounts {
                // bubblewrap binds from the old root, mounted at /oldroot while it builds the new one at /newroot, so
                // `..` reaches a directory of the tmpfs that it has just made. "-try", because it looks the source up
                // once more on the host, where it must not exist. nrx-init refuses to start unless all of these are
                // on the one tmpfs, so a bubblewrap that does it otherwise cannot weaken anything.
                list += ["--bind-try", "../newroot" + tmpfs + "/" + place.directory, mount]
            }
        }
        for place in readOnlyPlaces { list += ["--ro-bind-try", "../newroot" + place, place] }
        for file in maskedFiles where hostHas(file) { list += ["--ro-bind", "/dev/null", file] }
        list += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/workspace"]
        return list + ["--", "/proc/self/fd/\(Inherited.initProgram.rawValue)"]
    }

    private static func runtime(hostHas: (String) -> Bool) -> [String] {
        var list = ["--ro-bind", "/usr", "/usr"]
        for link in ["bin", "sbin", "lib", "lib64", "lib32"] where hostHas("/usr/" + link) {
            list += ["--symlink", "usr/" + link, "/" + link]
        }
        for file in runtimeFiles where hostHas(file) { list += ["--ro-bind", file, file] }
        list += ["--perms", "0444", "--file", "\(Inherited.passwd.rawValue)", "/etc/passwd"]
        list += ["--perms", "0444", "--file", "\(Inherited.group.rawValue)", "/etc/group"]
        return list
    }
}
