/// What a customer pays for; what each allows is in ``Plan``.
public enum Tier: String, Sendable, CaseIterable {
    case free, starter, business, enterprise
}

/// Where a customer is at home; carried into the context of its proofs.
public enum Jurisdiction: String, Sendable, CaseIterable {
    case unitedStates = "US"
    case europeanUnion = "EU"
    case unitedKingdom = "UK"
    case canada = "CA"
    case australia = "AU"
    case india = "IN"
    case other = "OTHER"
}

/// What kind of data a session works on.
public enum DataClassification: String, Sendable, CaseIterable {
    case general
    case healthInformation = "PHI"
    case personalInformation = "PII"
    case financial
    case credentials
}

/// Real work, or trying things out: what test keys make is kept apart and never billed.
public enum KeyEnvironment: String, Sendable, CaseIterable {
    case live, test
}

/// Where a session is in its life.
public enum SessionStatus: String, Sendable, CaseIterable {
    case active, executing, destroyed, expired
    case expiredUnclean = "expired_unclean"

    /// Whether the session can still do something.
    public var isLive: Bool { self == .active || self == .executing }
}

/// What ended a session whose destruction was measured and proven.
public enum EndTrigger: String, Sendable, CaseIterable {
    /// Its owner asked for it.
    case api
    /// Its time to live ran out; the status is then `expired`.
    case timeToLive = "ttl"
    /// It ran out of memory.
    case outOfMemory = "oom"
    /// The server was stopped in good order.
    case shutdown

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
