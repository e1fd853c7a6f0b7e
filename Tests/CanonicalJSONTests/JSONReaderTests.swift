import CanonicalJSON
import Testing

@Suite("The strict JSON reader")
struct JSONReaderTests {
    private func read(_ text: String) throws(JSONError) -> JSONValue { try JSONReader.read(Array(text.utf8)) }

    private func reason(_ bytes: [UInt8]) -> JSONError.Reason? {
        do {
            _ = try JSONReader.read(bytes)
            return nil
        } catch { return error.reason }
    }

    private func reason(_ text: String) -> JSONError.Reason? { reason(Array(text.utf8)) }

    @Test("reads every kind of value, with white space around it")
    func readsEveryKind() throws {
        let value = try read(" { \"a\" : [ 1 , -2 , \"x\" , true , false , null , { } , [ ] ] }\r\n\t")
        #expect(value == ["a": [1, -2, "x", true, false, .null, [:], []]])
    }

    @Test(
        "refuses a member name that stands twice, at any depth and in any order",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"b":1,"a":2,"b":3}"#, #"[{"x":{"a":1,"a":2}}]"#,
            #"{"a":1,"\u0061":2}"#, #"{"":1,"":2}"#, #"{"\ud83d\ude00":1,"😀":2}"#,
        ])
    func refusesDuplicates(text: String) {
        #expect(reason(text) == .duplicateMember)
    }

    @Test("keeps NFC and NFD apart: as names they are two members, as values they differ")
    func keepsNormalisationFormsApart() throws {
        let (composed, decomposed) = ("\u{E9}", "e\u{301}")
        #expect(composed == decomposed, "Swift itself thinks them equal, which is the trap")
        let object = try read("{\"\(composed)\":1,\"\(decomposed)\":2}")
        #expect(object.object?.members.count == 2)
        #expect(object[composed] == 1)
        #expect(object[decomposed] == 2)
        #expect(try read("\"\(composed)\"") != read("\"\(decomposed)\""))
    }

    @Test(
        "refuses half a surrogate pair, in values and names",
        arguments: [
            #""\ud800""#, #""\udc00""#, #""\ud83d\ud83d""#, #""\ud83dx""#, #""\ude00\ud83d""#, #"{"\ud800":1}"#,
            #""\ud83d\n""#, #""\uDFFF""#,
        ])
    func refusesLoneSurrogates(text: String) {
        #expect(reason(text) == .loneSurrogate)
    }

    @Test("joins a whole surrogate pair")
    func joinsSurrogates() throws {
        #expect(try read(#""\ud83d\ude00\uD83D\uDE02""#) == "😀😂")
    }

    @Test("refuses a byte order mark")
    func refusesByteOrderMark() {
        #expect(reason([0xEF, 0xBB, 0xBF] + Array("{}".utf8)) == .byteOrderMark)
    }

    @Test("accepts 16 containers in each other and refuses 17, arrays and objects alike")
    func limitsDepth() throws {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let inner = open == "[" ? "" : "0"
            let deepest = String(repeating: open, count: 16) + inner + String(repeating: close, count: 16)
            #expect(reason(deepest) == nil)
            let tooDeep = String(repeating: open, count: 17) + inner + String(repeating: close, count: 17)
            #expect(reason(tooDeep) == .tooDeep)
        }
        #expect(reason(String(repeating: "[", count: 1_000_000)) == .tooDeep)
    }

    @Test(
        "reads every integer within ±(2^53−1)",
        arguments: [
            ("0", 0), ("1", 1), ("-1", -1), ("10", 10), ("9007199254740991", 9_007_199_254_740_991),
            ("-9007199254740991", -9_007_199_254_740_991), ("1000000000000000", 1_000_000_000_000_000),
        ] as [(String, Int64)])
    func readsIntegers(text: String, expected: Int64) throws {
        #expect(try read(text) == .integer(expected))
    }

    @Test(
        "refuses every other number",
        arguments: [
            "-0", "00", "01", "-01", "1.0", "0.5", "1e3", "1E3", "0e0", "-0.0", "9007199254740992",
            "-9007199254740992", "9007199254740993", "10000000000000000", "99999999999999999999999999999999999999",
            "18446744073709551617", "1.", "1e", "2.0e0",
        ])
    func refusesOtherNumbers(text: String) {
        #expect(reason(text) == .numberOutOfRange)
        #expect(reason("[\(text)]") == .numberOutOfRange)
    }

    @Test(
        "refuses what is not JSON",
        arguments: [
            ("", .unexpectedEnd), (" ", .unexpectedEnd), ("+1", .unexpectedByte), ("-", .unexpectedEnd),
            ("-x", .unexpectedByte), (".5", .unexpectedByte), ("NaN", .unexpectedByte), ("Infinity", .unexpectedByte),
            ("-Infinity", .unexpectedByte), ("nul", .unexpectedEnd), ("nulL", .unexpectedByte),
            ("True", .unexpectedByte), ("[1,]", .unexpectedByte), ("[,1]", .unexpectedByte), ("[1 2]", .unexpectedByte),
            ("[1", .unexpectedEnd), ("{", .unexpectedEnd), ("{\"a\"}", .unexpectedByte), ("{\"a\":}", .unexpectedByte),
            ("{\"a\":1,}", .unexpectedByte), ("{a:1}", .unexpectedByte), ("{'a':1}", .unexpectedByte),
            ("{1:1}", .unexpectedByte), ("{\"a\":1 \"b\":2}", .unexpectedByte), ("\"abc", .unexpectedEnd),
            ("\"abc\\", .unexpectedEnd), ("\"\\u12", .unexpectedEnd), ("// x\n1", .unexpectedByte),
            ("\u{A0}1", .unexpectedByte), ("\u{B}1", .unexpectedByte),
        ] as [(String, JSONError.Reason)])
    func refusesMalformedText(text: String, expected: JSONError.Reason) {
        #expect(reason(text) == expected)
    }

    @Test(
        "refuses whatever follows the value", arguments: ["1 1", "{}{}", "[] x", "\"a\"\"b\"", "null\0", "0 ]", "1,2"])
    func refusesTrailingBytes(text: String) {
        #expect(reason(text) == .trailingBytes)
    }

    @Test("refuses control characters that stand unescaped, wherever in the string they are")
    func refusesControlCharacters() {
        for control in UInt8(0)..<0x20 {
            for length in 0..<18 {
                let bytes = [0x22] + [UInt8](repeating: 0x61, count: length) + [control, 0x62, 0x22]
                #expect(reason(bytes) == .controlCharacter, "byte \(control) after \(length) letters")
                let escaped = [0x22, 0x5C, 0x6E] + bytes.dropFirst()
                #expect(reason(escaped) == .controlCharacter, "byte \(control), \(length) letters after an escape")
            }
        }
        #expect(reason("\"\u{7F}\"") == nil, "DEL is no control character of JSON")
    }

    @Test(
        "refuses escapes that do not exist",
        arguments: [#""\x""#, #""\U0041""#, #""\u00g0""#, #""\u+041""#, #""\'""#, #""\0""#, #""\ ""#])
    func refusesUnknownEscapes(text: String) {
        #expect(reason(text) == .invalidEscape)
    }

    @Test("understands every escape that does")
    func readsEscapes() throws {
        #expect(try read(#""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC""#) == .string("\"\\/\u{8}\u{C}\n\r\tAé€"))
    }

    @Test(
        "refuses text that is not valid UTF-8, with and without escapes beside it",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xFE],
        ] as [[UInt8]])
    func refusesInvalidUTF8(bytes: [UInt8]) {
        #expect(reason([0x22] + bytes + [0x22]) == .invalidUTF8)
        #expect(reason([0x22] + Array("abcdefgh".utf8) + bytes + [0x22]) == .invalidUTF8)
        #expect(reason([0x22, 0x5C, 0x6E] + bytes + [0x22]) == .invalidUTF8)
        #expect(reason([0x7B, 0x22] + bytes + [0x22, 0x3A, 0x31, 0x7D]) == .invalidUTF8)
    }

    @Test("finds the end of a string at every length and with a quote or an escape at every place")
    func findsStringEnds() throws {
        for length in 0..<40 {
            let text = String(repeating: "k", count: length)
            #expect(try read("\"\(text)\"") == .string(text))
            for place in 0...length {
                let escaped =
                    String(repeating: "k", count: place) + "\\\"" + String(repeating: "z", count: length - place)
                let plain = escaped.replacing("\\\"", with: "\"")
                #expect(try read("[\"\(escaped)\"]") == [.string(plain)])
            }
        }
    }

    @Test("names the byte where the text goes wrong")
    func namesTheOffset() {
        #expect(throws: JSONError(.unexpectedByte, at: 7)) { try JSONReader.read(Array("{\"a\": 1x}".utf8)) }
        #expect(throws: JSONError(.trailingBytes, at: 3)) { try JSONReader.read(Array("{} x".utf8)) }
    }

    @Test("never crashes on a damaged text: every prefix and every changed byte gives a value or an error")
    func survivesDamage() throws {
        let text = Array(#"{"a":[1,-20,{"b":"x\u00e9\ud83d\ude00\n"}],"é":null,"t":true,"n":9007199254740991}"#.utf8)
        #expect(reason(text) == nil)
        for length in 0..<text.count { #expect(reason(Array(text[..<length])) != nil) }
        for index in text.indices {
            for byte in UInt8.min...UInt8.max {
                var damaged = text
                damaged[index] = byte
                if let value = try? JSONReader.read(damaged) {
                    // What was accepted must come out again as it went in.
                    #expect(try JSONReader.read(value.canonicalBytes) == value)
                }
            }
        }
    }
}
