import CanonicalJSON
import Testing

@Suite("The canonical form of RFC 8785")
struct CanonicalWriterTests {
    private func canonical(_ bytes: [UInt8]) throws -> [UInt8] {
        try JSONReader.read(bytes, numbers: .ieee754).canonicalBytes
    }

    @Test("of the RFC's sample (§3.2.2) is its bytes (§3.2.4)")
    func matchesTheSample() throws {
        let hex = String(decoding: try Fixtures.bytes("jcs/rfc8785-3.2.4-utf8.hex"), as: UTF8.self)
        let expected = hex.split(whereSeparator: \.isWhitespace).compactMap { UInt8($0, radix: 16) }
        #expect(expected.count == 118)
        #expect(try canonical(Fixtures.bytes("jcs/rfc8785-3.2.2-input.json")) == expected)
    }

    @Test("of some members alone is that of an object that never had the others, read or made, ordered or not")
    func keepsMembers() throws {
        let text = #"{"plain":[1,{"b":2,"a":"x"}],"hidden":"s\"ecret","é":null,"also":{"hidden":true}}"#
        let read = try #require(try JSONReader.read(Array(text.utf8)).object)
        let made = try #require(JSONObject(sorting: read.members))
        func form(_ object: JSONObject, hiding hidden: [StaticString]) -> String {
            var sink = ByteSink()
            CanonicalWriter.write(object, hiding: hidden, to: &sink)
            return String(decoding: sink.bytes, as: UTF8.self)
        }
        for object in [read, made] {
            #expect(
                form(object, hiding: ["hidden", "hide"])
                    == #"{"also":{"hidden":true},"plain":[1,{"a":"x","b":2}],"é":null}"#)
            #expect(form(object, hiding: ["plain", "é", "also", "hidden"]) == "{}")
        }
        let ordered = try #require(
            try JSONReader.read(Array(#"{"a":1, "hidden":"x","z":{"b":[],"a":2}}"#.utf8)).object)
        #expect(form(ordered, hiding: ["hidden"]) == #"{"a":1,"z":{"a":2,"b":[]}}"#)
    }

    @Test("sorts members by UTF-16 code units (§3.2.3)")
    func sortsByUTF16() throws {
        let value = try JSONReader.read(Fixtures.bytes("jcs/rfc8785-3.2.3-input.json"))
        let order = try JSONReader.read(Fixtures.bytes("jcs/rfc8785-3.2.3-order.json"))
        #expect(.array(try #require(value.object).members.map(\.value)) == order)
        #expect(
            value.canonicalText
                == #"{"\r":"Carriage Return","1":"One",""# + "\u{80}"
                + #"":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","#
                + "\"😀\":\"Emoji: Grinning Face\",\"\u{FB33}\":\"Hebrew Letter Dalet With Dagesh\"}")
    }

    @Test("writes the numbers of Appendix B as it prints them")
    func matchesAppendixB() throws {
        let rows = try #require(JSONReader.read(Fixtures.bytes("jcs/rfc8785-appendix-b.json")).array)
        #expect(rows.count == 24)
        for row in rows {
            let bits = try #require(row["ieee754"]?.string.flatMap { UInt64($0, radix: 16) })
            let value = Double(bitPattern: bits)
            #expect(JSONValue.double(value).canonicalText == row["json"]?.string)
        }
    }

    @Test("reads numbers of Appendix B back to the same bits")
    func readsAppendixB() throws {
        for row in try #require(JSONReader.read(Fixtures.bytes("jcs/rfc8785-appendix-b.json")).array) {
            let text = try #require(row["json"]?.string)
            #expect(try canonical(Array(text.utf8)) == Array(text.utf8))
        }
    }

    @Test(
        "refuses numbers that no double holds, also when doubles are asked for",
        arguments: ["1e309", "-1e400", "NaN", "Infinity", "1e", "1.", ".5", "01.5", "1.e3", "--1", "1e+"])
    func refusesImpossibleNumbers(text: String) {
        #expect(throws: JSONError.self) { try JSONReader.read(Array(text.utf8), numbers: .ieee754) }
    }

    @Test(
        "writes integers in decimal",
        arguments: [0, 1, -1, 9, 10, -10, 9_007_199_254_740_991, -9_007_199_254_740_991, Int64.max, Int64.min])
    func writesIntegers(value: Int64) {
        #expect(JSONValue.integer(value).canonicalText == String(value))
    }

    @Test("escapes exactly what §3.2.2.2 says")
    func escapes() {
        var expected = ""
        for code in 0..<0x20 {
            switch code {
            case 8: expected += #"\b"#
            case 9: expected += #"\t"#
            case 10: expected += #"\n"#
            case 12: expected += #"\f"#
            case 13: expected += #"\r"#
            default: expected += #"\u00"# + (code < 16 ? "0" : "1") + String(code % 16, radix: 16)
            }
        }
        let controls = String(decoding: (0..<0x20).map { UInt8($0) }, as: UTF8.self)
        #expect(JSONValue.string(controls).canonicalText == "\"\(expected)\"")
        #expect(JSONValue.string("\"\\").canonicalText == #""\"\\""#)
        let verbatim = "/'<>&\u{7F}\u{80}é€😀\u{2028}\u{FEFF}\u{FFFF}"
        #expect(JSONValue.string(verbatim).canonicalText == "\"\(verbatim)\"")
    }

    @Test("sorts at every depth, keeps arrays in order and puts no white space anywhere")
    func sortsAtEveryDepth() throws {
        let text = #"{"b":[{"d":1,"c":[3,2,1]}],"":{},"a":{"z":null,"y":[]},"10":0,"1":0,"A":0}"#
        #expect(
            String(decoding: try canonical(Array(text.utf8)), as: UTF8.self)
                == #"{"":{},"1":0,"10":0,"A":0,"a":{"y":[],"z":null},"b":[{"c":[3,2,1],"d":1}]}"#)
    }

    @Test("does not depend on the order in which members came")
    func ignoresInputOrder() throws {
        let names = ["a", "aa", "b", "é", "e\u{301}", "€", "😀", "\u{E000}", "\u{FFFD}", "Z", "\u{D7FF}", "\u{10FFFF}"]
        let members = names.map { JSONObject.Member(name: $0, value: .string($0)) }
        let expected = try #require(JSONObject(sorting: members))
        #expect(
            expected.names.map { Array($0.utf16) }
                == expected.names.map { Array($0.utf16) }.sorted { $0.lexicographicallyPrecedes($1) })
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<50 {
            #expect(JSONObject(sorting: members.shuffled(using: &generator)) == expected)
        }
    }
}
