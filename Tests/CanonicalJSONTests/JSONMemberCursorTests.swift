import CanonicalJSON
import Testing

@Suite("Members that are taken one after another")
struct JSONMemberCursorTests {
    private let text =
        #"{"a":null,"b":true,"c":-7,"d":"x\n","e":[1,"y"],"f":{"g":"z"},"h":"plain","é":2}"#
    private static let disordered = #"{"é":2,"f":{"g":"z"},"h":"plain","e":[1,"y"],"d":"x\n","c":-7,"b":true,"a":null}"#

    private func objects() throws -> [JSONObject] {
        let read = try [text, Self.disordered].map { try #require(try JSONReader.read(Array($0.utf8)).object) }
        let made = try #require(JSONObject(sorting: read[0].members))
        return read + [made]
    }

    @Test("come in canonical order with their values, from a text in order, from one in disorder, and from no text")
    func inOrder() throws {
        for object in try objects() {
            var members = object.cursor
            let taken1 = members.next("b")
            #expect(taken1 == nil, "the first one is another")
            let taken2 = members.next("a")
            #expect(taken2?.value == .null)
            let taken3 = members.next("b")
            #expect(taken3?.bool == true)
            let taken4 = members.next("c")
            #expect(taken4?.integer == -7)
            let textMember = members.next("d")
            let text = try #require(textMember)
            #expect(text.string == "x\n")
            #expect(text.withText { Array($0) } == [0x78, 0x0A])
            let taken5 = members.next("e")
            #expect(taken5?.value == [1, "y"])
            let taken6 = members.next("f")
            #expect(taken6?.object?["g"] == "z")
            #expect(members.restOfNames == ["h", "é"])
            let taken7 = members.next("h")
            #expect(taken7?.withText { Array($0) } == Array("plain".utf8))
            #expect(!members.isAtEnd)
            let taken8 = members.next("é")
            #expect(taken8?.integer == 2)
            #expect(members.isAtEnd)
            let taken9 = members.next("é")
            #expect(taken9 == nil)
            #expect(members.restOfNames.isEmpty)
        }
    }

    @Test("are of one kind only")
    func kinds() throws {
        for object in try objects() {
            var members = object.cursor
            let nullMember = members.next("a")
            let null = try #require(nullMember)
            #expect(null.string == nil && null.bool == nil && null.integer == nil && null.object == nil)
            #expect(null.withText { $0.count } == nil)
            let truthMember = members.next("b")
            let truth = try #require(truthMember)
            #expect(truth.string == nil && truth.integer == nil && truth.object == nil)
        }
    }

    @Test("end with their object, not with the text around it")
    func endWithTheirObject() throws {
        let outer = try JSONReader.read(Array(#"{"a":{"b":1},"c":2}"#.utf8))
        var inner = try #require(outer["a"]?.object).cursor
        let taken10 = inner.next("b")
        #expect(taken10?.integer == 1)
        #expect(inner.isAtEnd)
        let taken11 = inner.next("c")
        #expect(taken11 == nil)
        #expect(JSONObject().cursor.isAtEnd)
    }
}
