import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

extension Dialect {
    /// NanoTerm's: `{"error":{"code","message","action","retryable","docs"}}`.
    static let nanoTerm = Dialect(
        name: "nanoterm",
        paths: [
            "/api/workspaces", "/api/keys", "/api/org", "/api/info", NanoTermDocs.path, NanoTermPricing.path,
        ],
        status: { NanoTermErrors.code(of: $0).row.status }, errorBody: NanoTermErrors.body,
        admit: NanoTermClient.check)
}

/// The four plans of NanoTerm's page.
enum NanoTermPlan {
    static func name(of tier: Tier) -> String {
        switch tier {
        case .free: "Free"
        case .starter: "Developer"
        case .business: "Team"
        case .enterprise: "Enterprise"
        }
    }
}

/// Errors as NanoTerm's clients know them.
enum NanoTermErrors {
    /// The code of an error: the one that a route of this dialect named, else the one that fits what happened.
    static func code(of error: APIError) -> NanoTermCode {
        if let reason = error.reason, let code = NanoTermCode(rawValue: reason) { return code }
        switch error.exhausted {
        case .sessions?, .proofs?: return .quotaExceeded
        case .computeHours?: return .computeQuotaExceeded
        case .members?: return .memberQuotaExceeded
        case .keys?, .requests?, .backups?, nil: break
        }
        return switch error.code {
        case .badRequest: .validationFailed
        case .unauthorized: .unauthorized
        case .quotaExceeded: .quotaExceeded
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .notAcceptable: .notAcceptable
        case .conflict: .conflict
        case .contentTooLarge: .payloadTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .upgradeRequired: .upgradeRequired
        case .rateLimited: .rateLimited
        case .headersTooLarge: .headersTooLarge
        case .internalError: .internalError
        case .notSupported: .notSupported
        case .unavailable: .runtimeUnavailable
        }
    }

    static func body(_ error: APIError) -> JSONValue {
        let code = code(of: error)
        var body = JSONObject()
        body["code"] = .string(code.rawValue)
        body["message"] = .string(message(error, code))
        body["action"] = .string(action(error, code))
        body["retryable"] = .bool(code.row.isRetryable || error.retryAfterSeconds != nil)
        body["docs"] = .string(code.page)
        if let field = error.field { body["field"] = .string(field) }
        return ["error": .object(body)]
    }

    private static func message(_ error: APIError, _ code: NanoTermCode) -> String {
        // Word for word the page's; how long to wait stands in the action.
        code == .rateLimited && error.refusal == nil
            ? "Rate limit exceeded. Slow down requests or upgrade your plan." : error.message
    }

    /// One sentence that says what to do next.
    private static func action(_ error: APIError, _ code: NanoTermCode) -> String {
        if let missing = error.missing {
            return "Use a key or role with the permission \(missing.names.joined(separator: ", ")): "
                + "the level '\(NanoTermPermission.lowest(with: missing))' has it."
        }
        if let seconds = error.retryAfterSeconds, code.row.status == 429 {
            return "Retry after \(seconds)s, or upgrade at \(NanoTermPricing.path)"
        }
        return code.row.action
    }
}

/// The official client's version, which must not be older than what this server speaks.
enum NanoTermClient {
    static let name = "nanoterm-cli"
    /// As documented in `GET /api/info`.
    static let versionMin = "0.1.3"

    /// - Throws: `CLI_VERSION_TOO_OLD`. Whoever is not the official client is not looked at.
    static func check(name: String?, version: String?) throws(APIError) {
        guard name == Self.name else { return }
        guard let version, let presented = numbers(version), let least = numbers(versionMin),
            !presented.lexicographicallyPrecedes(least)
        else {
            throw APIError(
                .upgradeRequired,
                "CLI \(printable(version)) is below the minimum required version (\(versionMin)).",
                reason: NanoTermCode.clientTooOld.rawValue)
        }
    }

    /// Major, minor and patch; a pre-release of a version counts as older (SemVer 2.0.0 §11).
    private static func numbers(_ version: String) -> [Int]? {
        let core = version.prefix { $0 != "-" && $0 != "+" }
        let parts = core.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { part in part.allSatisfy(\.isASCII) ? Int(part) : nil }
        guard parts.count == 3, numbers.count == 3, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
        let isPrerelease = version.dropFirst(core.count).first == "-"
        return numbers + [isPrerelease ? 0 : 1]
    }

    private static func printable(_ version: String?) -> String {
        guard let version, !version.isEmpty, version.utf8.count <= 64,
            version.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return "of an unknown version" }
        return version
    }
}

/// The permission levels of NanoTerm's page; each is a preset of the one vocabulary.
enum NanoTermPermission {
    /// What a key may do, as this dialect says it.
    static func name(of permissions: Permissions) -> String {
        Permissions.presets.first { $0.permissions == permissions }?.name ?? "custom"
    }

    /// The weakest level that has all of `permissions`.
    static func lowest(with permissions: Permissions) -> String {
        Permissions.presets.last { $0.permissions.isSuperset(of: permissions) }?.name ?? "full"
    }
}
