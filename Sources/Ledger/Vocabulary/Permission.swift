import Proofs
/// What a key may do; one vocabulary for every dialect (docs/api.md).
///
/// ```swift
/// Permissions(names: ["sessions:read", "proofs:read"])
/// ```
public struct Permissions: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let sessionsRead = Permissions(rawValue: 1 << 0)
    public static let sessionsWrite = Permissions(rawValue: 1 << 1)
    public static let sessionsExec = Permissions(rawValue: 1 << 2)
    public static let filesRead = Permissions(rawValue: 1 << 3)
    public static let filesWrite = Permissions(rawValue: 1 << 4)
    public static let proofsRead = Permissions(rawValue: 1 << 5)
    public static let keysRead = Permissions(rawValue: 1 << 6)
    public static let keysWrite = Permissions(rawValue: 1 << 7)
    public static let accountRead = Permissions(rawValue: 1 << 8)
    public static let accountWrite = Permissions(rawValue: 1 << 9)
    public static let agentsWrite = Permissions(rawValue: 1 << 10)
    public static let serversRead = Permissions(rawValue: 1 << 11)
    public static let serversWrite = Permissions(rawValue: 1 << 12)
    public static let backupsRead = Permissions(rawValue: 1 << 13)
    public static let backupsWrite = Permissions(rawValue: 1 << 14)
    public static let backupsRestore = Permissions(rawValue: 1 << 15)
    public static let membersRead = Permissions(rawValue: 1 << 16)
    public static let membersWrite = Permissions(rawValue: 1 << 17)
    /// Timelines and feeds of events.
    public static let logsRead = Permissions(rawValue: 1 << 18)
    public static let usageRead = Permissions(rawValue: 1 << 19)

    /// The caller's own agents; the registry itself anyone may read.
    public static let agentsRead = Permissions(rawValue: 1 << 20)

    /// Each permission with its name, in the order in which events and answers list them.
    public static let vocabulary: [(permission: Permissions, name: String)] = [
        (.sessionsRead, "sessions:read"), (.sessionsWrite, "sessions:write"), (.sessionsExec, "sessions:exec"),
        (.filesRead, "files:read"), (.filesWrite, "files:write"), (.proofsRead, "proofs:read"),
        (.keysRead, "keys:read"), (.keysWrite, "keys:write"), (.accountRead, "account:read"),
        (.accountWrite, "account:write"), (.agentsWrite, "agents:write"), (.serversRead, "servers:read"),
        (.serversWrite, "servers:write"), (.backupsRead, "backups:read"), (.backupsWrite, "backups:write"),
        (.backupsRestore, "backups:restore"), (.membersRead, "members:read"), (.membersWrite, "members:write"),
        (.logsRead, "logs:read"), (.usageRead, "usage:read"), (.agentsRead, "agents:read"),
    ]

    /// Everything there is; NanoTerm's preset `full`.
    public static let full = Permissions(vocabulary.map(\.permission))
    /// NanoTerm's preset `read`: look at everything, change nothing, run nothing.
    public static let read: Permissions = [
        .sessionsRead, .filesRead, .proofsRead, .keysRead, .accountRead, .serversRead, .backupsRead,
        .membersRead, .logsRead, .usageRead, .agentsRead,
    ]
    /// NanoTerm's preset `execute`: all work with sessions and files, no keys and no account changes.
    public static let execute: Permissions = [.sessionsWrite, .sessionsExec, .filesWrite, .agentsWrite]
        .reduce(into: read) { $0.formUnion($1) }

    /// The presets by name, the strongest first.
    public static let presets: [(name: String, permissions: Permissions)] = [
        ("full", .full), ("execute", .execute), ("read", .read),
    ]

    /// The preset called `name`, or nil.
    public static func preset(_ name: String) -> Permissions? { presets.first { $0.name == name }?.permissions }

    /// The permissions that `names` spell; nil when one of them does not exist.
    public init?(names: [String]) {
        self = []
        for name in names {
            guard let known = Self.vocabulary.first(where: { $0.name == name }) else { return nil }
            formUnion(known.permission)
        }
    }

    /// The names, each once, in the order of the vocabulary.
    public var names: [String] {
        self == .full ? Self.allNames : Self.vocabulary.filter { contains($0.permission) }.map(\.name)
    }

    /// Those of most keys, made once.
    private static let allNames = vocabulary.map(\.name)
}
