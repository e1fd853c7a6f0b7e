import CanonicalJSON
import LedgerFixtures
@testable import Projections
import Testing

@Suite("Objects that are taken as they stand")
struct PlainObjectTests {
    private func end(_ text: [UInt8], from start: Int = 0) -> Int? {
        text.withUnsafeBytes { PlainObject.end(in: $0, from: start) }
    }

    private func end(_ text: String) -> Int? { end(Array(text.utf8)) }

    /// A value as a proof holds them, and worse.
    private func value(_ generator: inout SeededGenerator, depth: Int) -> JSONValue {
        let texts = ["", "a", "abcdefgh", "sixteen characters", "§164 — Ä", "a\"b", "tab\t", "\u{7F}", "\u{1F600}"]
        switch Int.random(in: 0..<(depth > 3 ? 5 : 8), using: &generator) {
        case 0: return .bool(Bool.random(using: &generator))
        case 1: return .null
        case 2:
            return .integer(
                [0, -1, 7, 999_999_999_999_999, 9_007_199_254_740_991].randomElement(using: &generator) ?? 0)
        case 3, 4: return .string(texts.randomElement(using: &generator) ?? "")
        case 5: return .array((0..<3).map { _ in value(&generator, depth: depth + 1) })
        default: return .object(object(&generator, depth: depth + 1))
        }
    }

    private func object(_ generator: inout SeededGenerator, depth: Int) -> JSONObject {
        var object = JSONObject()
        for name in ["a", "ab", "b", "cdp", "long_name_of_a_member", "é"] where Bool.random(using: &generator) {
            object[name] = value(&generator, depth: depth)
        }
        return object
    }

    @Test("the end of an object in canonical form is found, whatever follows it")
    func plain() {
        for text in [
            "{}", #"{"a":1}"#, #"{"a":{"b":[1,-2,{}],"c":[]},"b":true}"#, #"{"a":"§164.310(d)(2)(i) — x","b":null}"#,
            #"{"a":999999999999999,"long":"0123456789abcdef0123456789abcdef"}"#,
        ] {
            #expect(end(text) == text.utf8.count)
            #expect(end(text + ",\"final_hash\"") == text.utf8.count)
            #expect(end(Array(("{\"cdp\":" + text).utf8), from: 7) == text.utf8.count + 7)
        }
    }

    @Test(
        "what is not the canonical form of an object is not taken",
        arguments: [
            "", "[]", "1", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a" :1}"#, #"{ "a":1}"#, #"{"b":1,"a":2}"#,
            #"{"a":1,"a":2}"#, #"{"ab":1,"a":2}"#, #"{"a":01}"#, #"{"a":-0}"#, #"{"a":-}"#, #"{"a":1.0}"#,
            #"{"a":1e3}"#,
            #"{"a":"\u0041"}"#, "{\"a\":\"\n\"}", #"{"a":tru}"#, #"{"a":[1,]}"#, #"{"a":[1 ,2]}"#, #"{"a":"x}"#,
            #"{"a":12345678901234567890}"#,
        ])
    func notPlain(text: String) {
        #expect(end(text) == nil)
    }

    @Test("whatever one byte of an object becomes: what is still taken is canonical JSON")
    func everyByte() throws {
        var generator = SeededGenerator(seed: 5)
        var taken = 0
        for _ in 0..<400 {
            let original = JSONValue.object(object(&generator, depth: 0)).canonicalBytes
            for index in original.indices {
                var text = original
                text[index] =
                    [0x00, 0x1F, 0x20, 0x22, 0x2C, 0x30, 0x5C, 0x7B, 0x7D, 0x7F, 0x80, 0xC3, 0xFF, 0x61]
                    .randomElement(using: &generator) ?? 0
                guard let end = end(text) else { continue }
                taken += 1
                let value = try JSONReader.read(Array(text[..<end]))
                #expect(value.canonicalBytes == Array(text[..<end]), "\(String(decoding: text, as: UTF8.self))")
            }
        }
        #expect(taken > 100)
    }

    @Test("text that is not UTF-8 and nesting without end are left to the reader")
    func limits() {
        #expect(end(Array(#"{"a":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)) == nil)
        #expect(end(Array(#"{"a":""#.utf8) + [0xED, 0xA0, 0x80] + Array(#""}"#.utf8)) == nil)
        let deep = String(repeating: "{\"a\":", count: 10_000) + "1" + String(repeating: "}", count: 10_000)
        #expect(end(deep) == nil)
    }
}
