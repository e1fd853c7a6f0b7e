public import Proofs

/// What a customer pays for; what each allows is in ``Plan``.
public enum Tier: String, Sendable, CaseIterable {
    case free, starter, business, enterprise

    /// From 0, the lowest, upwards.
    var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Where a session is in its life.
public enum SessionStatus: String, Sendable, CaseIterable {
    case active, executing, destroyed, expired
    case expiredUnclean = "expired_unclean"

    /// Whether the session can still do something.
    public var isLive: Bool { self == .active || self == .executing }
}

extension DestructionTrigger {
    /// The status a session has after it.
    public var status: SessionStatus { self == .timeToLive ? .expired : .destroyed }
}

/// Why a session ended without a proof.
public enum UncleanReason: String, Sendable, CaseIterable {
    /// The server that held it died; nobody measured its end.
    case serverDied = "server_died"
    /// A step of the destruction could not be measured, or measured something left over.
    case measurementFailed = "measurement_failed"
    /// The destruction was measured, but the proof could not be made or stored.
    case proofFailed = "proof_failed"
    /// Its environment could not be made, or ended by itself.
    case environmentLost = "environment_lost"
}
