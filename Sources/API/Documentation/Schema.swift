import CanonicalJSON

/// What a JSON value looks like (JSON Schema 2020-12, as OpenAPI 3.1 uses it), together with an example of one.
///
/// ```swift
/// Schema.object([.required("session_id", .sessionID), .accepted("timeout", .integer(1...60, example: 10))])
/// ```
struct Schema: Sendable {
    /// A member of an object.
    struct Member: Sendable {
        let name: String
        let schema: Schema
        let isRequired: Bool

        /// One that is always there.
        static func required(_ name: String, _ schema: Schema, _ about: String? = nil) -> Member {
            Member(name: name, schema: schema.about(about), isRequired: true)
        }

        /// One of an answer that is there when it has something to say.
        static func optional(_ name: String, _ schema: Schema, _ about: String? = nil) -> Member {
            Member(name: name, schema: schema.about(about), isRequired: false)
        }

        /// One of a request that can be left out; null says the same.
        static func accepted(_ name: String, _ schema: Schema, _ about: String? = nil) -> Member {
            Member(name: name, schema: schema.orNull.about(about), isRequired: false)
        }
    }

    var document: JSONObject
    var example: JSONValue
    /// Members in the order of the description, for the readable page; empty for what is no object.
    private(set) var members: [Member] = []
    /// The schemas that ``document`` refers to, by name.
    private(set) var definitions: [String: Schema] = [:]

    private init(_ members: [(String, JSONValue)], example: JSONValue) {
        document = JSONObject()
        for (name, value) in members { document[name] = value }
        self.example = example
    }

    // MARK: - Kinds

    static func text(_ example: String, length: ClosedRange<Int>? = nil, pattern: String? = nil) -> Schema {
        var schema = Schema([("type", "string")], example: .string(example))
        if let length {
            schema.document["minLength"] = .integer(Int64(length.lowerBound))
            schema.document["maxLength"] = .integer(Int64(length.upperBound))
        }
        if let pattern { schema.document["pattern"] = .string(pattern) }
        return schema
    }

    static func time(_ example: String = "2026-03-01T14:00:00Z") -> Schema {
        text(example).with("format", "date-time")
    }

    static func choice(_ words: [String], example: String? = nil) -> Schema {
        Schema(
            [("type", "string"), ("enum", .array(words.map { .string($0) }))],
            example: .string(example ?? words.first ?? ""))
    }

    static func choice<Choice: RawRepresentable & CaseIterable>(_: Choice.Type, example: Choice) -> Schema
    where Choice.RawValue == String {
        choice(Choice.allCases.map(\.rawValue), example: example.rawValue)
    }

    static func integer(_ range: ClosedRange<Int64>, example: Int64) -> Schema {
        count(example).with("minimum", .integer(range.lowerBound)).with("maximum", .integer(range.upperBound))
    }

    /// A whole number that is not negative.
    static func count(_ example: Int64) -> Schema {
        Schema([("type", "integer"), ("minimum", 0)], example: .integer(example))
    }

    static func number(_ example: Double) -> Schema { Schema([("type", "number")], example: .double(example)) }

    static func flag(_ example: Bool = true) -> Schema { Schema([("type", "boolean")], example: .bool(example)) }

    static let nothing = Schema([("type", "null")], example: .null)

    static let anything = Schema([], example: .object(JSONObject()))

    static func array(_ element: Schema, lengthMax: Int? = nil) -> Schema {
        var schema = Schema(
            [("type", "array"), ("items", .object(element.document))], example: .array([element.example]))
        schema.document["maxItems"] = lengthMax.map { .integer(Int64($0)) }
        schema.definitions = element.definitions
        return schema
    }

    static func object(_ members: [Member]) -> Schema {
        var schema = Schema([("type", "object")], example: .null)
        var (properties, example) = (JSONObject(), JSONObject())
        for member in members {
            properties[member.name] = .object(member.schema.document)
            example[member.name] = member.schema.example
            schema.definitions.merge(member.schema.definitions) { first, _ in first }
        }
        schema.document["properties"] = .object(properties)
        let required = members.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { schema.document["required"] = .array(required) }
        schema.example = .object(example)
        schema.members = members
        return schema
    }

    /// An object whose members have any names.
    static func map(_ value: Schema, example name: String) -> Schema {
        var example = JSONObject()
        example[name] = value.example
        var schema = Schema(
            [("type", "object"), ("additionalProperties", .object(value.document))], example: .object(example))
        schema.definitions = value.definitions
        return schema
    }

    static func any(of choices: [Schema]) -> Schema {
        var schema = Schema(
            [("anyOf", .array(choices.map { .object($0.document) }))], example: choices.first?.example ?? .null)
        for choice in choices { schema.definitions.merge(choice.definitions) { first, _ in first } }
        return schema
    }

    // MARK: - Changes

    /// The same under a name of its own: the document describes it once.
    func named(_ name: String) -> Schema {
        var reference = Schema([("$ref", .string("#/components/schemas/\(name)"))], example: example)
        reference.members = members
        reference.definitions = definitions
        reference.definitions[name] = self
        return reference
    }

    /// The same, or null.
    var orNull: Schema {
        var schema = Schema.any(of: [self, .nothing])
        schema.members = members
        return schema
    }

    /// The same text, or none at all.
    var orEmpty: Schema {
        var schema = self
        if let pattern = document["pattern"]?.string {
            schema.document["pattern"] = .string("^(\(pattern.dropFirst().dropLast()))?$")
        }
        schema.document["minLength"] = nil
        return schema
    }

    func about(_ text: String?) -> Schema {
        guard let text else { return self }
        return with("description", .string(text))
    }

    func with(_ name: String, _ value: JSONValue) -> Schema {
        var schema = self
        schema.document[name] = value
        return schema
    }

    /// The same with another example.
    func showing(_ example: JSONValue) -> Schema {
        var schema = self
        schema.example = example
        return schema
    }
}
