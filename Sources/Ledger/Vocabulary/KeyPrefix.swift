public import Proofs

/// How an API key begins: which dialect it was made for, and whether it is for real work or tests.
public typealias KeyPrefix = APIKey.Prefix

extension APIKey.Prefix {
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
