import CanonicalJSON
import Merkle

/// Takes the members out of one object of a proof, and notes what is missing, of another type, or too much.
///
/// Every member is asked for once, best in canonical order; ``finish()`` then knows whether there are others.
struct MemberReader {
    private let object: JSONView
    private let name: StaticString
    private let index: Int?
    private var rest: JSONView.Members
    private var found = 0
    private var failures: [String] = []

    /// - Parameters:
    ///   - name: what the object is called in messages.
    ///   - index: which one it is, from 0, where there are several.
    init(_ object: JSONView, called name: StaticString, index: Int? = nil) {
        self.object = object
        self.name = name
        self.index = index
        rest = object.members
    }

    private var place: String { index.map { "\(name)[\($0)]" } ?? "\(name)" }

    /// The member as it is; nil, and noted, when there is none.
    mutating func value(_ name: StaticString) -> JSONView? {
        // Asked for in canonical order, each member of a good object is the next one.
        var following = rest
        if let next = following.next(), next.name.hasText(name) {
            rest = following
            found += 1
            return next.value
        }
        guard let value = object.member(name) else {
            failures.append("\(place) has no member \(name)")
            return nil
        }
        found += 1
        return value
    }

    mutating func string(_ name: StaticString) -> String? { typed(name, "a string") { $0.string } }

    /// The member, if it is a string: for one that is only compared.
    mutating func text(_ name: StaticString) -> JSONView? { typed(name, "a string") { $0.isString ? $0 : nil } }

    mutating func bool(_ name: StaticString) -> Bool? { typed(name, "true or false") { $0.bool } }

    mutating func object(_ name: StaticString) -> JSONView? { typed(name, "an object") { $0.isObject ? $0 : nil } }

    mutating func array(_ name: StaticString) -> JSONView.Elements? {
        typed(name, "an array") { $0.isArray ? $0.elements : nil }
    }

    /// An array of nothing but strings.
    mutating func strings(_ name: StaticString) -> [String]? {
        typed(name, "an array of strings") { value in
            guard value.isArray else { return nil }
            var strings: [String] = []
            for element in value.elements {
                guard let string = element.string else { return nil }
                strings.append(string)
            }
            return strings
        }
    }

    /// A number that is not negative.
    mutating func count(_ name: StaticString) -> Int64? {
        typed(name, "a number not below zero") { value in value.integer.flatMap { $0 >= 0 ? $0 : nil } }
    }

    /// 64 lower-case hex characters.
    mutating func hash(_ name: StaticString) -> Hash? {
        typed(name, "a SHA-256 in lower-case hex") { value in value.withText { Hash(hexCharacters: $0) } ?? nil }
    }

    /// `sha256:` and 64 lower-case hex characters.
    mutating func prefixedHash(_ name: StaticString) -> Hash? {
        typed(name, "sha256: and lower-case hex") { value in value.withText { PrefixedText.hash($0) } ?? nil }
    }

    mutating func second(_ name: StaticString) -> UTCSecond? {
        typed(name, "a time YYYY-MM-DDTHH:MM:SSZ") { value in value.string.flatMap { UTCSecond($0) } }
    }

    /// Notes members that nobody asked for, and returns all that was noted.
    mutating func finish() -> [String] {
        // When the last one taken in order is the object's last, there are no others.
        if !rest.isAtEnd, object.members.count != found {
            failures.append("\(place) has members that the format does not know")
        }
        return failures
    }

    private mutating func typed<T>(
        _ name: StaticString, _ expected: StaticString, _ read: (JSONView) -> T?
    ) -> T? {
        guard let value = value(name) else { return nil }
        guard let result = read(value) else {
            failures.append("\(place).\(name) is not \(expected)")
            return nil
        }
        return result
    }
}
