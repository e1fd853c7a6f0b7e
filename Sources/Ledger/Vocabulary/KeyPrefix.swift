/// How an API key begins: which dialect it was made for, and whether it is for real work or tests.
public enum KeyPrefix: String, Sendable, CaseIterable {
    case nanorixLive = "nrx_live_"
    case nanorixTest = "nrx_test_"
    case nanda = "nanda_"
    case nexora = "nxr_"
    case nanoTermLive = "nt_live_"
    case nanoTermTest = "nt_test_"
    case nurosentrixLive = "nsx_live_"
    case nurosentrixTest = "nsx_test_"

    /// The prefix that `key` begins with, or nil.
    public init?(of key: String) {
        guard let prefix = Self.allCases.first(where: { key.utf8.starts(with: $0.rawValue.utf8) }) else { return nil }
        self = prefix
    }

    /// What a key with this prefix is for; dialects without a test spelling have live keys only.
    public var environment: KeyEnvironment {
        switch self {
        case .nanorixTest, .nanoTermTest, .nurosentrixTest: .test
        case .nanorixLive, .nanda, .nexora, .nanoTermLive, .nurosentrixLive: .live
        }
    }

    /// Which request limits hold for a key with this prefix (docs/api.md, "Limits").
    public var requestLimit: RequestLimit {
        switch self {
        case .nanorixLive, .nanorixTest, .nexora, .nurosentrixLive, .nurosentrixTest: .nanorixPerMinute
        case .nanoTermLive, .nanoTermTest: .nanoTermPerMinute
        case .nanda: .nandaPerMonth
        }
    }

    /// A set of numbers in the plan table.
    public enum RequestLimit: Sendable { case nanorixPerMinute, nanoTermPerMinute, nandaPerMonth }
}
