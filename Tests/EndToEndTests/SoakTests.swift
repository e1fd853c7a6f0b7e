import Foundation
import ServerFixtures
import Testing

@Suite("Soak", .serialized, .timeLimit(.minutes(10)))
struct SoakTests {
    @Test("ten seconds of everything at once: no error but 429, memory flat, then a clean audit and diff")
    func slice() throws {
        let directory = try TemporaryDirectory()
        let result = try BuiltPrograms.run(
            try BuiltPrograms.path("nrx-bench"),
            ["soak", "--seconds", "10", "--clients", "8", "--directory", directory.path])
        #expect(result.status == 0, "\(result.text)\(result.errors)")
        #expect(result.text.contains("audit and diff: clean"))
    }
}
