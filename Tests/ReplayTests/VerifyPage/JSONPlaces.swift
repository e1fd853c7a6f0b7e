import CanonicalJSON

/// One step from a container to what it holds.
enum JSONPlace {
    case member(String)
    case element(Int)
}

extension JSONValue {
    /// The paths of this value and of everything in it.
    var placesOfAll: [[JSONPlace]] {
        switch self {
        case .object(let object):
            [[]] + object.members.flatMap { member in member.value.placesOfAll.map { [.member(member.name)] + $0 } }
        case .array(let elements):
            [[]] + elements.indices.flatMap { index in elements[index].placesOfAll.map { [.element(index)] + $0 } }
        default: [[]]
        }
    }

    func value(at path: [JSONPlace]) -> JSONValue {
        switch path.first {
        case .member(let name): (self[name] ?? .null).value(at: Array(path.dropFirst()))
        case .element(let index): (array?[index] ?? .null).value(at: Array(path.dropFirst()))
        case nil: self
        }
    }

    /// This value with the one at `path` replaced, or removed when `value` is nil.
    func replacing(_ path: [JSONPlace], with value: JSONValue?) -> JSONValue {
        guard let place = path.first else { return value ?? .null }
        let rest = Array(path.dropFirst())
        switch (place, self) {
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

    /// What could stand in this one's place, alike and quite different; nil for nothing at all.
    var others: [JSONValue?] {
        var others: [JSONValue?] = [nil, .null, true, false, 0, 1, -1, "", "0", [], [:], [.null], ["": 0]]
        switch self {
        case .integer(let number): others += [.integer(number + 1), .integer(number - 1), .string("\(number)")]
        case .string(let text):
            let texts = [
                text + " ", " " + text, text.uppercased(), String(text.dropLast()), String(text.dropFirst()),
                String(text.reversed()), text + "\0", text + "\u{301}", text + "\u{1F600}",
            ]
            others += texts.map { .string($0) }
        case .array(let elements): others += [.array(elements + elements.prefix(1)), .array(elements.reversed())]
        case .object(var object):
            object["note"] = "x"
            others.append(.object(object))
        default: break
        }
        return others.filter { $0 != self }
    }
}
