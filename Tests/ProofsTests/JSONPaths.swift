import CanonicalJSON

/// One step from a container to what it holds.
enum JSONStep: Equatable, CustomStringConvertible {
    case member(String)
    case element(Int)

    var description: String {
        switch self {
        case .member(let name): ".\(name)"
        case .element(let index): "[\(index)]"
        }
    }
}

extension JSONValue {
    /// The paths of this value itself and of everything in it.
    var paths: [[JSONStep]] {
        switch self {
        case .object(let object):
            [[]] + object.members.flatMap { member in member.value.paths.map { [.member(member.name)] + $0 } }
        case .array(let elements):
            [[]] + elements.indices.flatMap { index in elements[index].paths.map { [.element(index)] + $0 } }
        default: [[]]
        }
    }

    /// Whether there is nothing inside: a string, number, truth value, null or empty container.
    var isLeaf: Bool { paths.count == 1 }

    func value(at path: [JSONStep]) -> JSONValue {
        switch path.first {
        case .member(let name): (self[name] ?? .null).value(at: Array(path.dropFirst()))
        case .element(let index): (array?[index] ?? .null).value(at: Array(path.dropFirst()))
        case nil: self
        }
    }

    /// This value with the one at `path` replaced, or removed when `value` is nil.
    func replacing(_ path: [JSONStep], with value: JSONValue?) -> JSONValue {
        guard let step = path.first else { return value ?? .null }
        let rest = Array(path.dropFirst())
        switch (step, self) {
        case (.member(let name), .object(var object)):
            object[name] = rest.isEmpty ? value : object[name]?.replacing(rest, with: value)
            return .object(object)
        case (.element(let index), .array(var elements)):
            if !rest.isEmpty {
                elements[index] = elements[index].replacing(rest, with: value)
            } else if let value {
                elements[index] = value
            } else {
                elements.remove(at: index)
            }
            return .array(elements)
        default: return self
        }
    }

    /// Other leaves that could stand in this one's place, alike and quite different.
    var otherLeaves: [JSONValue] {
        var others: [JSONValue] = [.null, true, false, 0, 1, -1, "", "0", [], [:], [.null], ["": 0]]
        switch self {
        case .integer(let number): others += [.integer(number + 1), .integer(number - 1), .string("\(number)")]
        case .string(let text):
            others += [
                .string(text + " "), .string(" " + text), .string(text.uppercased()), .string(text.lowercased()),
                .string(String(text.dropLast())), .string(String(text.dropFirst())), .string(String(text.reversed())),
                .string(text + "\0"), .string(text + "\u{301}"), .array([self]),
            ]
        default: break
        }
        return others.filter { $0 != self }
    }
}
