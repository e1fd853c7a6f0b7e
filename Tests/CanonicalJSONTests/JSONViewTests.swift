import Testing

@testable import CanonicalJSON

@Suite("Objects that stay in the text they were read from")
struct JSONViewTests {
    private func object(_ text: String) throws -> JSONObject {
        try #require(try JSONReader.read(Array(text.utf8)).object)
    }

    @Test("outlive the text, also when they stood deep in it and are all that is left")
    func outliveTheText() throws {
        var inner: JSONObject?
        do {
            let outer = try object(#"{"a":[1,{"b":{"name":"a name longer than fifteen bytes","n":-12}}],"c":null}"#)
            inner = outer["a"]?.array?[1]["b"]?.object
        }
        let kept = try #require(inner)
        #expect(kept["name"] == "a name longer than fifteen bytes")
        #expect(kept["n"] == -12)
        #expect(kept.names == ["n", "name"])
        #expect(JSONValue.object(kept).canonicalText == #"{"n":-12,"name":"a name longer than fifteen bytes"}"#)
    }

    @Test(
        "give out the same members as objects that were built, in canonical order, whatever the text's order and escapes",
        arguments: [
            #"{"b":1,"a":2}"#, #"{"a":1,"b":2}"#, #"{"\u0062":1,"a":2}"#, #"{"\u0061":2,"b":1}"#,
            #"{ "b" : 1 , "a" : 2 }"#,
        ])
    func giveOutMembers(text: String) throws {
        let read = try object(text)
        let built = try #require(JSONObject(sorting: read.members))
        #expect(read.names == ["a", "b"])
        #expect(read == built)
        for name in ["a", "b", "c", "", "aa", "\\u0061"] { #expect(read[name] == built[name], "\(name)") }
        #expect(JSONValue.object(read).canonicalBytes == JSONValue.object(built).canonicalBytes)
    }

    @Test("become objects of their own when they are changed, and leave the others of the text as they are")
    func areChangedAlone() throws {
        let outer = try object(#"{"a":{"x":1},"b":{"x":1}}"#)
        var changed = try #require(outer["a"]?.object)
        changed["x"] = 2
        changed["y"] = [true]
        #expect(JSONValue.object(changed).canonicalText == #"{"x":2,"y":[true]}"#)
        #expect(JSONValue.object(outer).canonicalText == #"{"a":{"x":1},"b":{"x":1}}"#)
    }

    @Test("are looked at without being copied: names and texts with escapes are what they say")
    func areLookedAt() throws {
        let text = Array(#"{"a\u0062":"x\ny","c":[-7,true,"é"],"d":{"k":1}}"#.utf8)
        try text.withTypedBuffer { (bytes) throws(JSONError) in
            try JSONReader.withView(of: bytes) { view in
                #expect(view.member("ab")?.hasText("x\ny") == true)
                #expect(view.member("ab")?.hasText("x\\ny") == false)
                #expect(view.member("a\\u0062") == nil)
                let elements = Array(view.member("c")?.elements ?? view.elements)
                #expect(elements.map(\.integer) == [-7, nil, nil])
                #expect(elements.map(\.bool) == [nil, true, nil])
                #expect(elements.map(\.string) == [nil, nil, "é"])
                #expect(view.member("c")?.canonicalBytes.map { Array($0) } == Array(#"[-7,true,"é"]"#.utf8))
                #expect(view.canonicalBytes == nil, "a name has an escape that canonical form has not")
                #expect(view.member("d")?.object.map { JSONValue.object($0) } == ["k": 1])
                #expect(view.members.count == 3)
            }
        }
    }

    @Test("the first byte that is not plain is found, whatever it is, wherever it stands and whatever follows")
    func findsTheFirstByteThatIsNotPlain() {
        var generator = SystemRandomNumberGenerator()
        for place in 0..<8 {
            for byte in UInt8.min ... .max {
                var bytes = [UInt8](repeating: 0x61, count: 8)
                bytes[place] = byte
                for index in bytes.indices.dropFirst(place + 1) {
                    bytes[index] = .random(in: .min ... .max, using: &generator)
                }
                let expected =
                    bytes.firstIndex { $0 < 0x20 || $0 >= 0x80 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
                    ?? 8
                let word = bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
                #expect(EightBytes.plainCount(word) == expected, "\(bytes)")
            }
        }
    }
}
