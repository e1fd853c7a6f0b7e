import CLinux
import Glibc
import Proofs

/// Finds out which layers really work on this machine, by starting an environment and looking at it.
struct LayerProbe {
    let launcher: Launcher

    /// One status a layer, in the order of ``Layer``. Blocks for some milliseconds.
    func run() -> [LayerStatus] {
        let specification = SessionSpecification(sessionID: "sess_" + String(repeating: "0", count: 32))
        do throws(SandboxError) {
            let environment = try launcher.launch(workspaceBytes: specification.workspaceBytes)
            defer { environment.abandon() }
            try environment.configure(specification)
            return Layer.allCases.map { examine($0, environment, specification) }
        } catch {
            return Layer.allCases.map { explain($0, error) }
        }
    }

    private func examine(_ layer: Layer, _ environment: RawEnvironment, _ specification: SessionSpecification)
        -> LayerStatus
    {
        if environment.missingLayers.contains(layer) {
            let advice = advice(layer)
            return LayerStatus(
                layer: layer, works: false, detail: "left out, as the operator allowed", setting: advice.setting,
                command: advice.command)
        }
        let seen =
            switch layer {
            case .userNamespace: userNamespace(environment)
            case .mountNamespace: mountNamespace(environment, specification)
            case .hostName: hostName(environment)
            case .networkNamespace: network(environment)
            case .cgroupLimits: limits(environment, specification)
            case .syscallFilter: filter(environment)
            }
        let advice = advice(layer)
        return LayerStatus(
            layer: layer, works: seen.works, detail: seen.detail, setting: seen.works ? nil : advice.setting,
            command: seen.works ? nil : advice.command)
    }

    private typealias Seen = (works: Bool, detail: String)

    private func userNamespace(_ environment: RawEnvironment) -> Seen {
        let base = "/proc/\(environment.initPid)/"
        let map = (KernelFile.read(base + "uid_map") ?? "").split(whereSeparator: \.isWhitespace)
        let status = KernelFile.read(base + "status") ?? ""
        let hasNone = status.contains("CapEff:\t0000000000000000") && status.contains("CapBnd:\t0000000000000000")
        let isMapped = map.count == 3 && map[2] == "1" && (map[1] != "0" || geteuid() != 0)
        return (
            isMapped && hasNone,
            isMapped ? "one user, \(map[1]) outside, without capabilities" : "the user is not mapped apart"
        )
    }

    private func mountNamespace(_ environment: RawEnvironment, _ specification: SessionSpecification) -> Seen {
        var usage = nrx_file_system_usage()
        let failure = nrx_file_system_usage(environment.tmpfs.number, &usage)
        let bytes = Int64(usage.blocks * usage.block_bytes)
        let own = ProcessSurvey.OwnNamespaces.current().inodes["mnt"]
        let works = failure == 0 && bytes == specification.workspaceBytes && own != environment.namespaces.mnt
        return (works, "workspace of \(bytes) bytes and \(usage.inodes) files, everything else read-only")
    }

    private func hostName(_ environment: RawEnvironment) -> Seen {
        let own = ProcessSurvey.OwnNamespaces.current().inodes["uts"]
        return (own != environment.namespaces.uts, "host name \(environment.hostName)")
    }

    private func network(_ environment: RawEnvironment) -> Seen {
        let base = "/proc/\(environment.initPid)/net/"
        let devices = (KernelFile.read(base + "dev") ?? "").split(separator: "\n").dropFirst(2).map {
            $0.prefix { $0 != ":" }.filter { !$0.isWhitespace }
        }
        let routes = (KernelFile.read(base + "route") ?? "").split(separator: "\n").count - 1
        return (devices == ["lo"] && routes <= 0, "interfaces: \(devices.joined(separator: ", ")); routes: \(routes)")
    }

    private func limits(_ environment: RawEnvironment, _ specification: SessionSpecification) -> Seen {
        guard let limits = environment.cgroup?.measuredLimits() else { return (false, "no cgroup") }
        let works =
            limits.memoryBytes == specification.memoryBytes && limits.processes == Int64(specification.processesMax)
            && limits.hasProcessorLimit
        return (
            works,
            "memory \(limits.memoryBytes ?? -1), processes \(limits.processes ?? -1), "
                + "processor \(limits.hasProcessorLimit ? "limited" : "not limited")"
        )
    }

    private func filter(_ environment: RawEnvironment) -> Seen {
        let status = KernelFile.read("/proc/\(environment.initPid)/status") ?? ""
        let works = status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1")
        return (works, works ? "seccomp filter and no_new_privs are on" : "no seccomp filter")
    }

    private func explain(_ layer: Layer, _ error: SandboxError) -> LayerStatus {
        // No setting of the kernel mends what is not a layer's fault, such as an nrx-init of another version.
        guard error.code == .layerMissing else {
            return LayerStatus(layer: layer, works: false, detail: error.message)
        }
        guard error.place != layer.rawValue else {
            let advice = advice(layer)
            return LayerStatus(
                layer: layer, works: false, detail: error.message, setting: advice.setting, command: advice.command)
        }
        return LayerStatus(
            layer: layer, works: false, detail: "not tested: \(error.place) is missing", setting: nil, command: nil)
    }

    /// The kernel setting that a layer needs, and the command that gives it.
    private func advice(_ layer: Layer) -> (setting: String, command: String) {
        switch layer {
        case .userNamespace:
            StartFailure.userNamespaceAdvice()
                ?? ("user.max_user_namespaces", "sysctl -w user.max_user_namespaces=15000")
        case .mountNamespace: ("user.max_mnt_namespaces", "sysctl -w user.max_mnt_namespaces=15000")
        case .hostName: ("user.max_uts_namespaces", "sysctl -w user.max_uts_namespaces=15000")
        case .networkNamespace: ("user.max_net_namespaces", "sysctl -w user.max_net_namespaces=15000")
        case .cgroupLimits:
            (
                "cgroup controllers memory, pids, cpu, writable by user \(geteuid())",
                "systemctl set-property nrx-server.service Delegate=yes (cgroup v2), or run nrx-server as root"
            )
        case .syscallFilter: ("CONFIG_SECCOMP_FILTER", "a kernel built with CONFIG_SECCOMP_FILTER=y")
        }
    }
}
