import Proofs
import CanonicalJSON
import Foundation

/// Reads the golden data beside the sources.
enum Fixtures {
    static func bytes(_ name: String) throws -> [UInt8] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return Array(try Data(contentsOf: root.appending(path: "fixtures/vectors").appending(path: name)))
    }
}
