import Testing

@testable import CanonicalJSON

@Suite("Noticing, while reading, whether a text is canonical")
struct CanonicalFormTests {
    private func isCanonical(_ text: String) throws -> Bool {
        try Array(text.utf8).withUnsafeBufferPointer { try JSONReader.readNotingForm($0).isCanonical }
    }

    @Test(
        "a text is called canonical exactly when writing what was read gives the same bytes",
        arguments: [
            #"{"a":1,"b":[true,null,"x"]}"#, #"{"a":{},"b":[]}"#, #"{"b":1,"a":2}"#, #"{"a":{"d":1,"c":2}}"#,
            #"{"a": 1}"#,
            #" {"a":1}"#, "{\"a\":1}\n", #"{ }"#, #"[ ]"#, #"[1, 2]"#, #""\u0041""#, #""\u000a""#, #""\n""#, #""\/""#,
            #""/""#, #""\"\\""#, #""\u001f""#, #""\u001F""#, #""é""#, #""\u00e9""#, #"{"\n":1,"a":2}"#,
            #"{"a":2,"\n":1}"#,
            #"{"\u0061":1}"#, #""\ud83d\ude00""#, #""😀""#, "-5", "0", #"{"😀":1,"￼":2}"#, #"{"￼":1,"😀":2}"#,
        ])
    func agreesWithWriting(text: String) throws {
        let written = try JSONReader.read(Array(text.utf8)).canonicalBytes
        #expect(try isCanonical(text) == (written == Array(text.utf8)))
    }
}
