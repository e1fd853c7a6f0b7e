import CanonicalJSON
import Merkle

/// Takes the members out of one object of a proof, and notes what is missing, of another type, or too much.
///
/// Every member is asked for once, best in canonical order; ``finish()`` then knows whether there are others.
struct MemberReader {
    private let object: JSONObject
    private let name: StaticString
    private let index: Int?
    private var found = 0
    private var failures: [String] = []

    /// - Parameters:
    ///   - name: what the object is called in messages.
    ///   - index: which one it is, from 0, where there are several.
    init(_ object: JSONObject, called name: StaticString, index: Int? = nil) {
        self.object = object
        self.name = name
        self.index = index
    }

    private var place: String { index.map { "\(name)[\($0)]" } ?? "\(name)" }

    /// The member as it is; nil, and noted, when there is none.
    mutating func value(_ name: String) -> JSONValue? {
        // Asked for in canonical order, each member of a good object is the next one.
        if found < object.members.count, object.members[found].name.hasSameBytes(as: name) {
            found += 1
            return object.members[found - 1].value
        }
        guard let value = object[name] else {
            failures.append("\(place) has no member \(name)")
            return nil
        }
        found += 1
        return value
    }

    mutating func string(_ name: String) -> String? { typed(name, "a string") { $0.string } }

    mutating func bool(_ name: String) -> Bool? { typed(name, "true or false") { $0.bool } }

    mutating func object(_ name: String) -> JSONObject? { typed(name, "an object") { $0.object } }

    mutating func array(_ name: String) -> [JSONValue]? { typed(name, "an array") { $0.array } }

    /// An array of nothing but strings.
    mutating func strings(_ name: String) -> [String]? {
        typed(name, "an array of strings") { value in
            guard let elements = value.array else { return nil }
            let strings = elements.compactMap(\.string)
            return strings.count == elements.count ? strings : nil
        }
    }

    /// A number that is not negative.
    mutating func count(_ name: String) -> Int64? {
        typed(name, "a number not below zero") { value in value.integer.flatMap { $0 >= 0 ? $0 : nil } }
    }

    /// 64 lower-case hex characters.
    mutating func hash(_ name: String) -> Hash? {
        typed(name, "a SHA-256 in lower-case hex") { value in value.string.flatMap { Hash(hex: $0) } }
    }

    /// `sha256:` and 64 lower-case hex characters.
    mutating func prefixedHash(_ name: String) -> Hash? {
        typed(name, "sha256: and lower-case hex") { value in
            value.string.flatMap { PrefixedText.hash($0) }
        }
    }

    mutating func second(_ name: String) -> UTCSecond? {
        typed(name, "a time YYYY-MM-DDTHH:MM:SSZ") { value in value.string.flatMap { UTCSecond($0) } }
    }

    /// Notes members that nobody asked for, and returns all that was noted.
    mutating func finish() -> [String] {
        if object.members.count != found {
            failures.append("\(place) has members that the format does not know")
        }
        return failures
    }

    private mutating func typed<T>(_ name: String, _ expected: String, _ read: (JSONValue) -> T?) -> T? {
        guard let value = value(name) else { return nil }
        guard let result = read(value) else {
            failures.append("\(place).\(name) is not \(expected)")
            return nil
        }
        return result
    }
}
