/// One of the six things that hold a session in. All are on for every session, unless the operator allowed going
/// without one by name.
public enum Layer: String, Sendable, CaseIterable, Hashable {
    case userNamespace = "user_namespace"
    case mountNamespace = "mount_namespace"
    case hostName = "uts_namespace"
    case networkNamespace = "network_namespace"
    case cgroupLimits = "cgroup_limits"
    case syscallFilter = "syscall_filter"
}

/// What a test of one layer on this machine showed.
public struct LayerStatus: Sendable, Equatable {
    public var layer: Layer
    /// Whether the layer was seen working.
    public var works: Bool
    /// What was seen, such as "no interface but lo".
    public var detail: String
    /// The kernel setting that is missing, such as `user.max_user_namespaces`; nil when the layer works.
    public var setting: String?
    /// The command that enables it; nil when the layer works.
    public var command: String?

    public init(layer: Layer, works: Bool, detail: String, setting: String? = nil, command: String? = nil) {
        self.layer = layer
        self.works = works
        self.detail = detail
        self.setting = setting
        self.command = command
    }
}
