import Foundation

/// Files under `fixtures/`, found from this source file.
enum Fixtures {
    static func bytes(_ path: String) throws -> [UInt8] {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return Array(try Data(contentsOf: tests.deletingLastPathComponent().appending(path: "fixtures/\(path)")))
    }
}
