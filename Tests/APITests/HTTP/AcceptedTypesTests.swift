import Testing

@testable import API

@Suite("Accept")
struct AcceptedTypesTests {
    @Test(
        "the most exact range decides whether JSON may be sent",
        arguments: [
            (nil, true), ("", true), ("*/*", true), ("application/json", true),
            ("Application/JSON;charset=utf-8", true),
            ("application/*", true), ("text/html, */*;q=0.8", true), ("text/html", false), ("text/*", false),
            ("application/xml, text/plain", false), ("application/json;q=0", false),
            ("application/json; q=0.0, */*", false), ("*/*;q=0", false), ("application/json, */*;q=0", true),
            ("application/json;q=0.5", true), ("nonsense", true),
        ] as [(String?, Bool)])
    func json(header: String?, expected: Bool) {
        #expect(AcceptedTypes(header).accept("application/json") == expected)
    }
}
