import Foundation
import Testing

@testable import Sandbox

@Suite("The state directory of the sandboxes' host")
struct HostStateTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/nrx-host-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test("is one server's at a time; a second one is told to stop the first, or to take its own")
    func oneServer() throws {
        try withDirectory { path in
            let first = try HostState.lock(path)
            #expect { try HostState.lock(path) } throws: { error in
                (error as? SandboxError)?.description.contains("another server uses \(path)") ?? false
            }
            HostState.unlock(first)
            HostState.unlock(try HostState.lock(path))
        }
    }

    @Test("is free again when its server gives it up, also while a forked child still has a copy of the descriptor")
    func forkedChild() throws {
        try withDirectory { path in
            let lock = try HostState.lock(path)
            let copy = fcntl(lock.number, F_DUPFD_CLOEXEC, 0)
            try #require(copy >= 0)
            defer { close(copy) }
            HostState.unlock(lock)
            HostState.unlock(try HostState.lock(path))
        }
    }
}
