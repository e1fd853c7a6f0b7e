import CanonicalJSON
import EventStore
import Ledger
import Projections
import Proofs

extension Dialect {
    /// Nurosentrix': `{"success":false,"error":{"code","message"}}`.
    static let nurosentrix = Dialect(
        name: "nurosentrix", paths: ["/auth", "/api/v1"], errorBody: NurosentrixErrors.body)
}

/// What goes around every answer of Nurosentrix'.
enum NurosentrixAnswer {
    static func one(_ data: JSONValue, status: Int = 200) -> APIResponse {
        .json(["success": true, "data": data], status: status)
    }

    /// A page of a list, with how much there is in all.
    static func page(_ rows: [JSONValue], _ page: NurosentrixPage, total: Int) -> APIResponse {
        .json([
            "success": true, "data": .array(rows),
            "meta": [
                "page": .integer(Int64(page.number)), "per_page": .integer(Int64(page.size)),
                "total": .integer(Int64(total)),
            ],
        ])
    }
}

/// Which part of a list is wanted: `page`, from 1, of `per_page` rows.
struct NurosentrixPage: Sendable {
    private static let sizeDefault = 20
    private static let sizeMax = 100
    private static let numberMax = 1_000_000

    let number: Int
    let size: Int

    init(_ query: [String: String]) throws(APIError) {
        number = try Self.integer("page", in: query, default: 1, max: Self.numberMax)
        size = try Self.integer("per_page", in: query, default: Self.sizeDefault, max: Self.sizeMax)
    }

    func of<Row>(_ rows: [Row]) -> ArraySlice<Row> {
        let start = min((number - 1) * size, rows.count)
        return rows[start..<min(start + size, rows.count)]
    }

    private static func integer(
        _ name: String, in query: [String: String], default standard: Int, max: Int
    ) throws(APIError) -> Int {
        guard let text = query[name] else { return standard }
        guard let number = Int(text), (1...max).contains(number) else {
            throw APIError(.badRequest, "`\(name)` must be a whole number from 1 to \(max).", field: name)
        }
        return number
    }
}

/// Errors as Nurosentrix' clients know them.
enum NurosentrixErrors {
    static func body(_ error: APIError) -> JSONValue {
        var body: JSONObject = .init()
        body["code"] = .string(code(of: error))
        body["message"] = .string(message(of: error))
        if error.code == .badRequest {
            body["details"] = [
                ["field": error.field.map { .string($0) } ?? .null, "reason": .string(error.message)]
            ]
        }
        return ["success": false, "error": .object(body)]
    }

    private static func code(of error: APIError) -> String {
        switch error.code {
        case .badRequest: "VALIDATION_ERROR"
        case .unauthorized: "UNAUTHORIZED"
        case .quotaExceeded: "QUOTA_EXCEEDED"
        case .forbidden: "FORBIDDEN"
        case .notFound: "NOT_FOUND"
        case .methodNotAllowed: "METHOD_NOT_ALLOWED"
        case .notAcceptable: "NOT_ACCEPTABLE"
        case .conflict: "CONFLICT"
        case .contentTooLarge: "CONTENT_TOO_LARGE"
        case .unsupportedMediaType: "UNSUPPORTED_MEDIA_TYPE"
        case .upgradeRequired: "UPGRADE_REQUIRED"
        case .rateLimited: "RATE_LIMITED"
        case .headersTooLarge: "HEADERS_TOO_LARGE"
        case .internalError: "INTERNAL_ERROR"
        case .notSupported: "NOT_SUPPORTED"
        case .unavailable: "UNAVAILABLE"
        }
    }

    /// The two sentences that the page prints are its own; everything else says more.
    private static func message(of error: APIError) -> String {
        if error.code == .unauthorized, error != .wrongPassword { return "Invalid or missing authentication token" }
        if let missing = error.missing {
            let names = NurosentrixPermission.names(of: missing).joined(separator: ", ")
            return "Token does not have permission: \(names)"
        }
        return error.message
    }
}

/// Nurosentrix' spelling of the one vocabulary of permissions.
enum NurosentrixPermission {
    /// The page's table, in its order.
    static let table: [(name: String, permission: Permissions, description: String)] = [
        ("servers:read", .serversRead, "View servers"),
        ("servers:write", .serversWrite, "Create, update, delete servers"),
        ("instances:read", .sessionsRead, "View instances"),
        ("instances:write", .sessionsWrite, "Create, update, delete instances"),
        ("instances:actions", .sessionsExec, "Start, stop, restart instances"),
        ("backups:read", .backupsRead, "View backups"),
        ("backups:write", .backupsWrite, "Create, delete backups"),
        ("backups:restore", .backupsRestore, "Restore backups"),
        ("settings:read", .accountRead, "View account settings"),
        ("settings:write", .accountWrite, "Update account settings"),
    ]

    /// What the names spell, in this dialect's spelling or the native one.
    ///
    /// - Throws: `badRequest` that names the first unknown one.
    static func permissions(_ names: [String]) throws(APIError) -> Permissions {
        var permissions: Permissions = []
        for (index, name) in names.enumerated() {
            guard let known = table.first(where: { $0.name == name })?.permission ?? Permissions(names: [name]) else {
                let known = table.map(\.name).joined(separator: ", ")
                throw APIError(
                    .badRequest, "There is no permission `\(name)`. Known: \(known).", field: "permissions[\(index)]")
            }
            permissions.formUnion(known)
        }
        return permissions
    }

    /// The names of `permissions`, those that only the native vocabulary has at the end.
    static func names(of permissions: Permissions) -> [String] {
        let own = table.filter { permissions.contains($0.permission) }
        let rest = own.reduce(into: permissions) { $0.subtract($1.permission) }
        return own.map(\.name) + rest.names
    }
}
