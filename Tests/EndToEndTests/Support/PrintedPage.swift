import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// A page that somebody printed about an API, as it is in `fixtures/pages`: its examples are run as they stand there.
struct PrintedPage {
    let text: String

    init(_ name: String) throws {
        text = try String(
            contentsOf: ForeignClient.repository.appending(path: "fixtures/pages/\(name).txt"), encoding: .utf8)
    }

    func contains(_ part: String) -> Bool { text.contains(part) }

    /// The parts that the pattern describes, in their order.
    func all(_ pattern: String) throws -> [String] {
        let regex = try Regex(pattern).dotMatchesNewlines()
        return text.matches(of: regex).map { String(text[$0.range]) }
    }

    /// One of the parts that the pattern describes.
    func printed(_ pattern: String, _ number: Int = 0) throws -> String {
        let found = try all(pattern)
        try #require(found.count > number, "the page has no \(pattern)")
        return found[number]
    }

    /// A part as JSON.
    func json(_ pattern: String, _ number: Int = 0) throws -> JSONValue {
        try JSONReader.read(Array(try printed(pattern, number).utf8), numbers: .ieee754)
    }

    /// Runs a command of a page. Some have lost the ends of lines: a backslash stands where a command goes on.
    ///
    /// - Returns: what it wrote to standard output.
    static func shell(_ command: String, options: String = "-s") throws -> String {
        let whole = command.replacing("\\ -H", with: "\\\n-H")
        let result = try BuiltPrograms.run("/bin/bash", ["-c", whole.replacing("curl ", with: "curl \(options) ")])
        try #require(result.status == 0, "\(result.errors)")
        return result.text
    }

    /// The same, as JSON.
    static func answer(to command: String) throws -> JSONValue {
        try JSONReader.read(Array(try shell(command).utf8), numbers: .ieee754)
    }
}
