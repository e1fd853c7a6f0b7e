public import Proofs
/// What a tier allows: one row of the table of docs/api.md, "Limits". A limit that is nil does not exist.
///
/// ```swift
/// Plan.of(.free).proofsPerMonth   // 100
/// ```
public struct Plan: Sendable, Equatable {
    /// Requests a minute for one key, by the numbers of the Nanorix page.
    public let requestsPerMinute: Int?
    /// Requests a minute for one key with NanoTerm's prefix.
    public let nanoTermRequestsPerMinute: Int?
    /// Requests a month for one key with NANDA's prefix.
    public let nandaRequestsPerMonth: Int?
    /// Live sessions at the same time, live and test counted apart.
    public let concurrentSessions: Int?
    /// Longest life of a session, in seconds.
    public let timeToLiveSecondsMax: Int64?
    /// Destruction proofs a billing cycle; a live session counts as the proof it will become.
    public let proofsPerMonth: Int?
    /// Memory of one session, in bytes.
    public let memoryBytes: Int64
    /// Size of one session's workspace, in bytes; always below its memory.
    public let workspaceBytes: Int64
    /// Active keys with NANDA's prefix.
    public let nandaActiveKeys: Int?
    /// Active keys with Nexora's prefix.
    public let nexoraActiveKeys: Int?
    /// Active keys with any one other prefix.
    public let otherActiveKeys: Int?
    /// Agents in the registry.
    public let agents: Int?
    /// Members of the organisation.
    public let members: Int?
    /// Compute time a billing cycle, in hours.
    public let computeHoursPerMonth: Int?
    /// Backups that are kept, live and test counted apart.
    public let backups: Int?
    /// Stored files, in bytes.
    public let storedBytes: Int64?

    /// The plan of `tier`.
    public static func of(_ tier: Tier) -> Plan {
        switch tier {
        case .free: free
        case .starter: starter
        case .business: business
        case .enterprise: enterprise
        }
    }

    // MARK: - The table, a row for each tier

    private static let mebibyte: Int64 = 1 << 20
    private static let gibibyte: Int64 = 1 << 30

    private static let free = Plan(
        requestsPerMinute: 60, nanoTermRequestsPerMinute: 60, nandaRequestsPerMonth: 1_000, concurrentSessions: 3,
        timeToLiveSecondsMax: 300, proofsPerMonth: 100, memoryBytes: 256 * mebibyte, workspaceBytes: 128 * mebibyte,
        nandaActiveKeys: 5, nexoraActiveKeys: 20, otherActiveKeys: 100, agents: 25, members: 1,
        computeHoursPerMonth: 10, backups: 2,
        storedBytes: gibibyte)
    private static let starter = Plan(
        requestsPerMinute: 120, nanoTermRequestsPerMinute: 600, nandaRequestsPerMonth: 10_000, concurrentSessions: 20,
        timeToLiveSecondsMax: 600, proofsPerMonth: nil, memoryBytes: gibibyte, workspaceBytes: 512 * mebibyte,
        nandaActiveKeys: 25, nexoraActiveKeys: 20, otherActiveKeys: 100, agents: 250, members: 5,
        computeHoursPerMonth: 100, backups: 5,
        storedBytes: 10 * gibibyte)
    private static let business = Plan(
        requestsPerMinute: 300, nanoTermRequestsPerMinute: 3_000, nandaRequestsPerMonth: 10_000,
        concurrentSessions: 100, timeToLiveSecondsMax: 1_800, proofsPerMonth: nil, memoryBytes: 4 * gibibyte,
        workspaceBytes: 2 * gibibyte, nandaActiveKeys: 25, nexoraActiveKeys: 20, otherActiveKeys: 100, agents: 250,
        members: 10,
        computeHoursPerMonth: 1_000, backups: 10,
        storedBytes: 100 * gibibyte)
    private static let enterprise = Plan(
        requestsPerMinute: nil, nanoTermRequestsPerMinute: nil, nandaRequestsPerMonth: 100_000,
        concurrentSessions: nil, timeToLiveSecondsMax: nil, proofsPerMonth: nil, memoryBytes: 4 * gibibyte,
        workspaceBytes: 2 * gibibyte, nandaActiveKeys: nil, nexoraActiveKeys: 20, otherActiveKeys: 100, agents: nil,
        members: nil,
        computeHoursPerMonth: nil, backups: 30, storedBytes: nil)
}

extension Plan {
    /// How many keys with `prefix` may be active at the same time.
    public func activeKeysMax(of prefix: KeyPrefix) -> Int? {
        switch prefix {
        case .nanda: nandaActiveKeys
        case .nexora: nexoraActiveKeys
        default: otherActiveKeys
        }
    }

    /// Requests a minute for one key with `prefix`; nil when there is no such limit.
    public func requestsPerMinute(of prefix: KeyPrefix) -> Int? {
        switch prefix.requestLimit {
        case .nanorixPerMinute: requestsPerMinute
        case .nanoTermPerMinute: nanoTermRequestsPerMinute
        case .nandaPerMonth: nil
        }
    }

    /// Requests a billing cycle for one key with `prefix`; nil when there is no such limit.
    public func requestsPerMonth(of prefix: KeyPrefix) -> Int? {
        prefix.requestLimit == .nandaPerMonth ? nandaRequestsPerMonth : nil
    }
}
