import CLinux
import Glibc
import Proofs

/// Looks through every process of the machine for traces of one session.
///
/// It runs while the server still holds descriptors of the session's namespaces and file system: the kernel hands out
/// the same inode and device numbers again at once, but not while they are held, so a match is certain and a miss too.
struct ProcessSurvey: Equatable {
    /// Processes in any of the session's namespaces.
    var processes: [pid_t] = []
    /// Processes whose mounts show the session's file system.
    var seeingMount: [pid_t] = []

    static func take(namespaces: IsolationEvidence.Namespaces, own: OwnNamespaces, device: UInt64) -> ProcessSurvey {
        var survey = ProcessSurvey()
        var mountNamespacesSeen: Set<UInt64> = []
        let wanted: [(name: String, inode: Int64)] = [
            ("mnt", namespaces.mnt), ("pid", namespaces.pid), ("net", namespaces.net), ("ipc", namespaces.ipc),
            ("uts", namespaces.uts), ("user", namespaces.user), ("cgroup", namespaces.cgroup),
        ].filter { own.inodes[$0.0] != $0.1 }
        for pid in DirectoryListing.numbers(at: "/proc") {
            let base = "/proc/\(pid)/ns/"
            // A zombie has no namespaces any more, and a process may end while it is looked at.
            guard let mount = inode(base + "mnt") else { continue }
            if wanted.contains(where: { inode(base + $0.name) == UInt64($0.inode) }) { survey.processes.append(pid) }
            if mountNamespacesSeen.insert(mount).inserted, showsMount(pid, device) { survey.seeingMount.append(pid) }
        }
        return survey
    }

    /// The server's namespaces: where a layer is missing, the session shares one, which is then no trace of it.
    struct OwnNamespaces: Sendable {
        var inodes: [String: Int64]

        static func current() -> OwnNamespaces {
            var inodes: [String: Int64] = [:]
            for name in ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] {
                inodes[name] = ProcessSurvey.inode("/proc/self/ns/" + name).map { Int64($0) }
            }
            return OwnNamespaces(inodes: inodes)
        }
    }

    private static func inode(_ path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    private static func showsMount(_ pid: pid_t, _ device: UInt64) -> Bool {
        let wanted = " \(device >> 8 & 0xfff):\(device & 0xff | device >> 12 & 0xfff00) "
        return KernelFile.read("/proc/\(pid)/mountinfo", limit: 16 << 20)?.contains(wanted) ?? false
    }
}

/// The server's own descriptors on a device.
enum DescriptorSurvey {
    /// Numbers of all open descriptors on `device`, except `known`.
    static func onDevice(_ device: UInt64, except known: Set<Int32>) -> [Int32] {
        DirectoryListing.numbers(at: "/proc/self/fd").filter { descriptor in
            var status = nrx_file_status()
            return !known.contains(descriptor) && nrx_file_status(descriptor, "", &status) == 0
                && status.device == device
        }
    }
}
