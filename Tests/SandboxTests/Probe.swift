import Foundation
import Glibc
import Testing

@testable import Sandbox

/// The program of hostile attempts, built once a test run from fixtures/sandbox/escape.c.
enum Probe {
    static let bytes: Result<[UInt8], any Error> = Result {
        let source = SandboxFixture.repository.appending(path: "fixtures/sandbox/escape.c")
        let output = SandboxFixture.repository.appending(path: ".build/test-escape").path(percentEncoded: false)
        try SandboxFixture.run(
            "/usr/bin/env", ["cc", "-static", "-O1", "-o", output, source.path(percentEncoded: false)])
        return Array(try Data(contentsOf: URL(filePath: output)))
    }

    /// Puts it at /workspace/escape, executable.
    static func install(in environment: SessionEnvironment) async throws {
        let file = try await environment.writeFile("escape", bytesMax: 8 << 20)
        try await file.write(try bytes.get())
        file.close()
        let result = try await environment.shell("chmod 755 escape")
        #expect(result.exitCode == 0)
    }
}

/// Something on the host that a session must not reach: a TCP port and an abstract socket that listen.
struct Listener {
    let number: UInt16
    let abstractName: String
    private let sockets: [Int32]

    struct Failure: Error { var errno: Int32 }

    init() throws {
        let tcp = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(tcp, $0, length) == 0 && listen(tcp, 8) == 0 && getsockname(tcp, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure(errno: errno) }
        number = UInt16(bigEndian: address.sin_port)
        abstractName = "nrx-test-" + Launcher.randomHex(4)
        let unix = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var local = sockaddr_un()
        local.sun_family = sa_family_t(AF_UNIX)
        let name = Array(abstractName.utf8)
        withUnsafeMutableBytes(of: &local.sun_path) { path in
            for (index, byte) in name.enumerated() { path[index + 1] = byte }
        }
        let localLength = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.count)
        let isListening = withUnsafePointer(to: &local) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(unix, $0, localLength) == 0 && listen(unix, 8) == 0
            }
        }
        guard isListening else { throw Failure(errno: errno) }
        sockets = [tcp, unix]
    }

    func close() { sockets.forEach { _ = Glibc.close($0) } }
}
