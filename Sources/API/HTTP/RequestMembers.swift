import Proofs
import CanonicalJSON

/// Reads the members of a JSON request body. Unknown members are ignored; a wrong type is named with its path.
struct RequestMembers {
    private let object: JSONObject

    /// - Parameter body: the whole body; empty counts as `{}`.
    /// - Throws: `badRequest` when it is not a JSON object.
    init(body: [UInt8]) throws(APIError) {
        if body.isEmpty {
            object = JSONObject()
            return
        }
        let value: JSONValue
        do { value = try JSONReader.read(body, numbers: .ieee754) } catch {
            throw APIError(.badRequest, "The body is not valid JSON: \(error).")
        }
        guard let object = value.object else { throw APIError(.badRequest, "The body must be a JSON object.") }
        self.object = object
    }

    /// The text of a member, or nil when it is absent or null.
    func string(_ name: String) throws(APIError) -> String? {
        guard let value = present(name) else { return nil }
        guard let text = value.string else { throw wrongType(name, "a string") }
        return text
    }

    /// The text of a member that must be there.
    func requiredString(_ name: String) throws(APIError) -> String {
        guard let text = try string(name) else {
            throw APIError(.badRequest, "`\(name)` is required and must be a string.", field: name)
        }
        return text
    }

    /// The whole number of a member, or nil when it is absent or null.
    func integer(_ name: String) throws(APIError) -> Int64? {
        guard let value = present(name) else { return nil }
        guard let number = value.integer ?? Self.whole(value) else { throw wrongType(name, "a whole number") }
        return number
    }

    /// `5.0` is the whole number 5 (JSON Schema 2020-12, §6.1.1), as far as doubles hold whole numbers exactly.
    private static func whole(_ value: JSONValue) -> Int64? {
        guard case .double(let double) = value, abs(double) <= 9_007_199_254_740_991 else { return nil }
        return Int64(exactly: double)
    }

    /// One of a list of words, or nil when the member is absent or null.
    func choice<Choice: RawRepresentable & CaseIterable>(_ name: String, _: Choice.Type) throws(APIError) -> Choice?
    where Choice.RawValue == String {
        guard let text = try string(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw APIError(.badRequest, "`\(name)` must be one of: \(words).", field: name)
        }
        return choice
    }

    /// The strings of a member, or nil when it is absent or null.
    func strings(_ name: String) throws(APIError) -> [String]? {
        guard let value = present(name) else { return nil }
        guard let elements = value.array else { throw wrongType(name, "an array of strings") }
        var strings: [String] = []
        for (index, element) in elements.enumerated() {
            guard let text = element.string else { throw wrongType("\(name)[\(index)]", "a string") }
            strings.append(text)
        }
        return strings
    }

    /// The names and texts of an object member, or nil when it is absent or null.
    func stringMap(_ name: String) throws(APIError) -> [String: String]? {
        guard let value = present(name) else { return nil }
        guard let members = value.object?.members else { throw wrongType(name, "an object of strings") }
        var map: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else { throw wrongType("\(name).\(member.name)", "a string") }
            map[member.name] = text
        }
        return map
    }

    /// The member's value; nil when absent or null.
    func present(_ name: String) -> JSONValue? {
        guard let value = object[name], value != .null else { return nil }
        return value
    }

    /// Whether the member is there and null, where that says something else than being absent.
    func isNull(_ name: String) -> Bool { object[name] == .null }

    private func wrongType(_ path: String, _ expected: String) -> APIError {
        APIError(.badRequest, "`\(path)` must be \(expected).", field: path)
    }
}
