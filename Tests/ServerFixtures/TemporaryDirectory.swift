public import Foundation

/// A directory of one test; gone with it.
public final class TemporaryDirectory: Sendable {
    public let path: String

    /// Makes a directory with an unguessable name.
    public init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "nrx-test-\(UUID().uuidString)")
            .path(percentEncoded: false)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Every regular file beneath, with its content.
    public func files() throws -> [(path: String, content: Data)] {
        var files: [(String, Data)] = []
        for case let name as String in FileManager.default.enumerator(atPath: path) ?? .init() {
            let full = path + "/" + name
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: full, isDirectory: &isDirectory), !isDirectory.boolValue
            else { continue }
            // Sockets have no content.
            let kind = try FileManager.default.attributesOfItem(atPath: full)[.type] as? FileAttributeType
            guard kind == .typeRegular else { continue }
            files.append((full, try Data(contentsOf: URL(filePath: full))))
        }
        return files
    }
}
