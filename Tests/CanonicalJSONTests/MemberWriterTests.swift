import CanonicalJSON
import Testing

@Suite struct MemberWriterTests {
    /// Every kind of member, and none of each that can be absent.
    private struct Everything: ObjectContent {
        var text: String? = "a \u{e9} \"quoted\" \\ \n"
        var number: Int64? = -9_007_199_254_740_991
        var value: JSONValue? = ["b": [1, true, .null], "a": "x"]

        func write(to members: inout MemberWriter) {
            members.add("a", text)
            members.add("b", number)
            members.add("c", false)
            members.add("d", ["x", "\t", ""])
            members.add("e", value)
            members.add("f", [String]())
            members.add("g", true)
        }
    }

    private struct Nothing: ObjectContent {
        func write(to _: inout MemberWriter) {}
    }

    private func bytes(of content: some ObjectContent, hiding hidden: [StaticString] = []) -> String {
        var sink = ByteSink()
        sink.append("before ")
        MemberWriter.write(content, hiding: hidden, to: &sink)
        sink.append(" behind")
        let text = String(decoding: sink.bytes, as: UTF8.self)
        #expect(text.hasPrefix("before ") && text.hasSuffix(" behind"))
        return String(text.dropFirst(7).dropLast(7))
    }

    @Test("the bytes are the canonical form of the values, around them stays what was there")
    func bytesAreCanonical() {
        let whole = Everything()
        #expect(bytes(of: whole) == JSONValue.object(whole.data).canonicalText)
        #expect(
            bytes(of: whole)
                == #"{"a":"a é \"quoted\" \\ \n","b":-9007199254740991,"c":false,"d":["x","\t",""],"#
                + #""e":{"a":"x","b":[1,true,null]},"f":[],"g":true}"#)
        let bare = Everything(text: nil, number: nil, value: nil)
        #expect(bytes(of: bare) == #"{"c":false,"d":["x","\t",""],"f":[],"g":true}"#)
        #expect(bare.data.names == ["c", "d", "f", "g"])
        #expect(bytes(of: Nothing()) == "{}")
        #expect(Nothing().data.members.isEmpty)
    }

    @Test("an object of values is written as it is, wherever it came from")
    func objects() throws {
        let values = Everything().data
        #expect(values.data == values)
        #expect(bytes(of: values) == bytes(of: Everything()))
        let read = try #require(try JSONReader.read(Array(#"{"b":1, "a":[ 2 ]}"#.utf8)).object)
        #expect(bytes(of: read) == #"{"a":[2],"b":1}"#)
    }

    @Test(
        "hidden members are left out, the first, the last and all of them, with their commas",
        arguments: [
            (["a"], "bcdefg"), (["g"], "abcdef"), (["a", "b", "f", "g"], "cde"), (["x", "aa", ""], "abcdefg"),
            (["a", "b", "c", "d", "e", "f", "g"], ""),
        ] as [([StaticString], String)])
    func hiding(hidden: [StaticString], left: String) throws {
        let content = Everything()
        for text in [bytes(of: content, hiding: hidden), bytes(of: content.data, hiding: hidden)] {
            let object = try #require(try JSONReader.read(Array(text.utf8)).object)
            #expect(object.names.joined() == left)
            #expect(object.names.allSatisfy { object[$0] == content.data[$0] })
        }
    }
}
