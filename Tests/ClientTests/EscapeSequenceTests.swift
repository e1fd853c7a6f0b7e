import Testing

@testable import Client

@Suite("Leaving a terminal")
struct EscapeSequenceTests {
    /// What goes through of `pieces`, and whether one of them leaves.
    private func pass(_ pieces: String...) -> (text: String, leaves: Bool) {
        var escape = EscapeSequence()
        var text: [UInt8] = []
        for piece in pieces {
            let passed = escape.pass(Array(piece.utf8))
            text += passed.bytes
            if passed.leaves { return (String(decoding: text, as: UTF8.self), true) }
        }
        return (String(decoding: text, as: UTF8.self), false)
    }

    @Test("Enter ~ . leaves, at the very beginning too, however it is cut into pieces; nothing of it goes through")
    func leaving() {
        #expect(pass("~.") == ("", true))
        #expect(pass("ls\r~.more") == ("ls\r", true))
        #expect(pass("ls\r", "~", ".") == ("ls\r", true))
        #expect(pass("ls\n", "~.") == ("ls\n", true))
    }

    @Test("everything else goes through as it was typed: tildes in lines, before other keys, and doubled once")
    func passing() {
        #expect(pass("cd ~.\r") == ("cd ~.\r", false))
        #expect(pass("ls ~\r.") == ("ls ~\r.", false))
        #expect(pass("\r~/bin/x\r") == ("\r~/bin/x\r", false))
        #expect(pass("\r~~.") == ("\r~.", false))
        #expect(pass("\r~\r~.") == ("\r~\r", true))
        #expect(pass("\u{1b}[A\u{3}é世") == ("\u{1b}[A\u{3}é世", false))
    }
}
