import Glibc

/// Turns bubblewrap's complaint, and the settings of this kernel, into the layer that is missing and what enables it.
enum StartFailure {
    static func explain(_ complaint: String) -> SandboxError {
        let text = complaint.trimmed
        if let advice = userNamespaceAdvice() {
            return SandboxError(
                .layerMissing, "user namespaces are off (\(advice.setting)); enable them with: \(advice.command)",
                place: Layer.userNamespace.rawValue)
        }
        let hints: [(String, Layer)] = [
            ("setting up uid map", .userNamespace), ("user namespace", .userNamespace), ("userns", .userNamespace),
            ("creating new namespace", .userNamespace), ("loopback", .networkNamespace), ("hostname", .hostName),
            ("seccomp", .syscallFilter), ("mount", .mountNamespace),
        ]
        let layer = hints.first { text.lowercased().contains($0.0.lowercased()) }?.1
        let detail = text.isEmpty ? "the environment ended before it was ready" : text
        guard let layer else { return SandboxError(.startFailed, detail) }
        return SandboxError(.layerMissing, detail, place: layer.rawValue)
    }

    /// The kernel setting that turns user namespaces off on this machine, and the command that turns them on.
    static func userNamespaceAdvice() -> (setting: String, command: String)? {
        func advice(_ name: String, off: Int64, on: String) -> (setting: String, command: String)? {
            let path = "/proc/sys/" + name.split(separator: ".").joined(separator: "/")
            guard KernelFile.number(path) == off else { return nil }
            return ("\(name) = \(off)", "sysctl -w \(name)=\(on)")
        }
        if access("/proc/self/ns/user", F_OK) != 0 {
            return ("CONFIG_USER_NS is not set", "a kernel built with CONFIG_USER_NS=y")
        }
        return advice("user.max_user_namespaces", off: 0, on: "15000")
            ?? advice("kernel.unprivileged_userns_clone", off: 0, on: "1")
            ?? advice("kernel.apparmor_restrict_unprivileged_userns", off: 1, on: "0")
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
