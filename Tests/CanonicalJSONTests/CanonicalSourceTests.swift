import CanonicalJSON
import Testing

@Suite("Objects that stand in a text in canonical form")
struct CanonicalSourceTests {
    @Test("are known, and no other object is taken for one")
    func areKnown() throws {
        let golden = try Fixtures.bytes("vectors/cdp-1.0.json")
        let texts = [
            #"{}"#, #"{"a":1,"b":{"c":[{}],"d":"é"}}"#, #"{"b":1,"a":{"x":2}}"#, #"{"a": {"x":2}}"#,
            #"[{"a":1} ,{"a":2}]"#, #"{"a":{"b":"\n"},"c":{"d":1}}"#, #"{"a":{"\u0062":1}}"#, #"{"a":{"é":1,"e":2}}"#,
            "{\"😀\":{},\"\u{FFFF}\":{}}", "{\"\u{FFFF}\":{},\"😀\":{}}", "{\"a\":\n{\"b\":1}}",
            #"{"a":[1, 2],"b":{"c":[]}}"#, #" {"a":1} "#, String(decoding: golden, as: UTF8.self),
        ]
        for text in texts {
            let bytes = Array(text.utf8)
            let value = try JSONReader.read(bytes)
            try checkSources(of: value, in: bytes)
            let canonical = value.canonicalBytes
            let again = try JSONReader.read(canonical)
            try checkSources(of: again, in: canonical)
            if !canonical.contains(UInt8(ascii: "\\")), let object = again.object {
                #expect(object.canonicalSource == 0..<canonical.count)
            }
        }
    }

    @Test("are no longer known once they are changed, nor when they were never read")
    func areForgotten() throws {
        var object = try #require(try JSONReader.read(Array(#"{"a":1}"#.utf8)).object)
        #expect(object.canonicalSource == 0..<7)
        object["a"] = 1
        #expect(object.canonicalSource == nil)
        #expect(JSONObject().canonicalSource == nil)
        #expect(JSONObject(sorting: [.init(name: "a", value: 1)])?.canonicalSource == nil)
    }

    @Test("are told from others whatever one byte of the text is changed to, with integers and with doubles")
    func areToldFromOthers() throws {
        let text = Array(#"{"a":{"b":"x\u00e9","c":-10},"é":[{"k":1,"l":{}}],"z": {"m":2.5}}"#.utf8)
        for index in text.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[index] = byte
                for numbers in [JSONReader.Numbers.integers, .ieee754] {
                    guard let value = try? JSONReader.read(changed, numbers: numbers) else { continue }
                    try checkSources(of: value, in: changed)
                }
            }
        }
    }

    /// Whatever is said to stand in canonical form must be what the writer writes.
    private func checkSources(of value: JSONValue, in text: [UInt8]) throws {
        switch value {
        case .object(let object):
            if let source = object.canonicalSource { #expect(Array(text[source]) == value.canonicalBytes) }
            for member in object.members { try checkSources(of: member.value, in: text) }
        case .array(let elements):
            for element in elements { try checkSources(of: element, in: text) }
        default: break
        }
    }
}
