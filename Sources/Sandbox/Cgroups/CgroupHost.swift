import CLinux
import Glibc

/// Where this machine keeps the controllers that limit a session: cgroup v2, the v1 hierarchies, or a mixture. The rest
/// of the module only sees ``SessionCgroup``.
struct CgroupHost: Sendable {
    /// One mounted hierarchy that is used, and the directory beneath which this server makes its groups.
    struct Hierarchy: Sendable {
        enum Version: Sendable { case v1, v2 }
        var version: Version
        var controllers: Set<Controller>
        var base: String
    }

    enum Controller: String, Sendable, CaseIterable {
        case memory, pids, cpu
    }

    /// Those that limit something, and `tree` when it limits nothing.
    var hierarchies: [Hierarchy]
    /// Index of the hierarchy that knows every process of a session: v2 where mounted, else the one of pids.
    var treeIndex: Int

    var tree: Hierarchy { hierarchies[treeIndex] }

    func hierarchy(of controller: Controller) -> Hierarchy? {
        hierarchies.first { $0.controllers.contains(controller) }
    }

    /// Controllers that no hierarchy of this machine offers.
    var missing: [Controller] { Controller.allCases.filter { hierarchy(of: $0) == nil } }

    /// Finds the hierarchies and makes the server's own directory `name` in each; nil when there is none at all.
    static func discover(name: String) throws(SandboxError) -> CgroupHost? {
        let mounts = mountedHierarchies()
        var found: [Hierarchy] = []
        for (index, mount) in mounts.enumerated() where mount.version == .v1 && !mount.controllers.isEmpty {
            var hierarchy = mounts[index]
            hierarchy.base += "/" + name
            found.append(hierarchy)
        }
        if var unified = mounts.first(where: { $0.version == .v2 }) {
            unified.controllers = try enableUnified(&unified, name: name)
            found.append(unified)
        }
        guard !found.isEmpty else { return nil }
        for hierarchy in found where mkdir(hierarchy.base, 0o755) != 0 && errno != EEXIST {
            throw SandboxError(
                .layerMissing,
                "cannot make cgroups in \(hierarchy.base): delegate it to this user, run as root, or allow this layer "
                    + "to be missing (--allow-missing-layer \(Layer.cgroupLimits.rawValue))",
                systemError: errno, place: Layer.cgroupLimits.rawValue)
        }
        for hierarchy in found where hierarchy.version == .v2 && !hierarchy.controllers.isEmpty {
            delegate(hierarchy.controllers, in: hierarchy.base)
        }
        let tree =
            found.firstIndex { $0.version == .v2 } ?? found.firstIndex { $0.controllers.contains(.pids) } ?? 0
        return CgroupHost(hierarchies: found, treeIndex: tree)
    }

    /// Lets the children of `directory` use `controllers`.
    static func delegate(_ controllers: Set<Controller>, in directory: String) {
        let text = controllers.map { "+" + $0.rawValue }.sorted().joined(separator: " ")
        // What the kernel refuses shows as a limit file that is missing, which is reported where it is needed.
        _ = KernelFile.write(text, to: directory + "/cgroup.subtree_control")
    }

    /// Places the v2 base beneath the server's own group (where a service manager delegates), moves the server into a
    /// leaf of it where the kernel wants that, and returns the controllers that can be used there.
    private static func enableUnified(_ unified: inout Hierarchy, name: String) throws(SandboxError) -> Set<Controller>
    {
        let own = ownUnifiedPath()
        let parent = own == "/" ? unified.base : unified.base + own
        unified.base = parent + "/" + name
        let offered = KernelFile.read(parent + "/cgroup.controllers") ?? ""
        let usable = Set(offered.split { " \n".contains($0) }.compactMap { Controller(rawValue: String($0)) })
        guard !usable.isEmpty else { return [] }
        if own != "/" {
            // No group may hold processes and pass controllers on: the server steps down into a leaf.
            let leaf = parent + "/server"
            if mkdir(leaf, 0o755) != 0 && errno != EEXIST { return [] }
            if KernelFile.write("\(getpid())", to: leaf + "/cgroup.procs") != 0 { return [] }
        }
        delegate(usable, in: parent)
        return usable
    }

    private static func ownUnifiedPath() -> String {
        let lines = (KernelFile.read("/proc/self/cgroup") ?? "").split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("0::") }) else { return "/" }
        var path = String(line.dropFirst(3))
        if path.hasSuffix("/server") { path.removeLast("/server".count) }
        return path.isEmpty ? "/" : path
    }

    private static func mountedHierarchies() -> [Hierarchy] {
        var result: [Hierarchy] = []
        for line in (KernelFile.read("/proc/self/mounts") ?? "").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 4 else { continue }
            let path = String(fields[1])
            if fields[2] == "cgroup2", !result.contains(where: { $0.version == .v2 }) {
                result.append(Hierarchy(version: .v2, controllers: [], base: path))
            } else if fields[2] == "cgroup" {
                let controllers = fields[3].split(separator: ",").compactMap { Controller(rawValue: String($0)) }
                let fresh = Set(controllers).filter { one in !result.contains { $0.controllers.contains(one) } }
                if !fresh.isEmpty { result.append(Hierarchy(version: .v1, controllers: fresh, base: path)) }
            }
        }
        return result
    }
}
