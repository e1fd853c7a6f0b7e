import CanonicalJSON
import Testing

@testable import Client

@Suite("What the client prints")
struct RenderingTests {
    @Test("no answer can send control characters to the terminal")
    func controlCharacters() {
        let evil: JSONValue = ["name": "a\u{1B}[2J\u{202E}b\n\u{9B}c"]
        for text in [Rendering.table([evil], columns: ["name"]), Rendering.fields(evil)] {
            #expect(!text.unicodeScalars.contains("\u{1B}"))
            #expect(!text.unicodeScalars.contains("\u{202E}") && !text.unicodeScalars.contains("\u{9B}"))
            #expect(text.contains("[2J"), "what is no control character stays")
        }
        #expect(Rendering.fields(evil).split(separator: "\n").count == 1)
    }

    @Test("columns line up, and what is not there is a dash")
    func table() {
        let rows: [JSONValue] = [["id": "a", "n": 10], ["id": "longer", "n": .null]]
        #expect(Rendering.table(rows, columns: ["id", "n"]) == "ID      N\na       10\nlonger  -\n")
    }
}
