import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// Clients in other languages, as scripts/setup.sh installs them.
enum ForeignClient {
    /// What is missing, and how to get it.
    struct Missing: Error, CustomStringConvertible {
        let path: String
        var description: String { "\(path) is not there. Run `make setup`, then the tests again." }
    }

    private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    static let repository = tests.deletingLastPathComponent().deletingLastPathComponent()

    /// The Python with the packages of Tests/requirements.txt.
    static func python() throws -> String {
        let path = repository.appending(path: ".build/python/bin/python").path(percentEncoded: false)
        guard FileManager.default.isExecutableFile(atPath: path) else { throw Missing(path: path) }
        return path
    }

    /// Runs a case of `Clients/websocket_client.py` to its end.
    ///
    /// - Returns: what its last line says.
    static func webSocket(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> JSONValue
    {
        let result = try await run(arguments)
        let line = try #require(
            result.text.split(separator: "\n").last, "\(result.errors)", sourceLocation: sourceLocation)
        return try JSONReader.read(Array(line.utf8), numbers: .ieee754)
    }

    /// Runs a case of `Clients/terminal_client.py` to its end.
    ///
    /// - Returns: what its last line says.
    static func terminal(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> JSONValue
    {
        let result = try await run(arguments, script: "terminal_client.py")
        let line = try #require(
            result.text.split(separator: "\n").last, "\(result.errors)", sourceLocation: sourceLocation)
        return try JSONReader.read(Array(line.utf8), numbers: .ieee754)
    }

    /// Runs a case and returns all that it printed.
    static func run(_ arguments: [String], script: String = "websocket_client.py") async throws -> ProgramResult {
        let script = tests.appending(path: "Clients/\(script)").path(percentEncoded: false)
        let python = try python()
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try BuiltPrograms.run(python, [script] + arguments) })
            }
        }
    }
}

/// A case that goes on while the test does something else.
final class RunningClient: Sendable {
    private let process: Process
    private let output: Pipe

    init(script name: String = "websocket_client.py", _ arguments: [String]) throws {
        let script = ForeignClient.repository.appending(path: "Tests/EndToEndTests/Clients/\(name)")
        process = Process()
        process.executableURL = URL(filePath: try ForeignClient.python())
        process.arguments = [script.path(percentEncoded: false)] + arguments
        output = Pipe()
        process.standardOutput = output
        process.standardInput = Pipe()
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// The next line that it prints, as JSON; null when there is none any more.
    func line() async throws -> JSONValue {
        let handle = output.fileHandleForReading
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Result {
                        var bytes: [UInt8] = []
                        while let byte = try handle.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
                            bytes.append(byte)
                        }
                        return bytes.isEmpty ? .null : try JSONReader.read(bytes, numbers: .ieee754)
                    })
            }
        }
    }

    func end() { process.terminate() }
}
