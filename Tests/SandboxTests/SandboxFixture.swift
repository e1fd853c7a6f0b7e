import Foundation
import Logging
import Testing

@testable import Sandbox

/// A sandbox host on a state directory of its own, with an nrx-init built from this source tree.
struct SandboxFixture {
    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Why this machine cannot run sandboxes; nil when it can. Found out once a test run.
    private static let obstacle = Task<String?, Never> {
        let directory = temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        do {
            let host = try SandboxHost(configuration: configuration(directory), logger: quiet)
            let missing = await host.layers().filter { !$0.works }
            await host.shutdown()
            return missing.first.map { "\($0.layer.rawValue): \($0.detail)" }
        } catch { return "\(error)" }
    }

    /// Whether the tests that need the real thing can run here. Where the environment says `CI=true` they run in any
    /// case, and fail.
    @Sendable static func isAvailable() async -> Bool {
        guard let obstacle = await obstacle.value else { return true }
        print("\(isRequired ? "MISSING" : "SKIPPED"): this machine cannot run sandboxes: \(obstacle)")
        return isRequired
    }

    private static var isRequired: Bool { ProcessInfo.processInfo.environment["CI"] == "true" }

    struct BuildFailure: Error { var output: String }

    /// nrx-init, built once a test run.
    static let initPath: Result<String, any Error> = Result {
        let output = repository.appending(path: ".build/test-nrx-init").path(percentEncoded: false)
        try run(repository.appending(path: "scripts/build-init.sh").path(percentEncoded: false), [output])
        return output
    }

    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @discardableResult
    static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let output = String(decoding: data, as: UTF8.self)
        guard process.terminationStatus == 0 else { throw BuildFailure(output: output) }
        return output
    }

    static func temporaryDirectory() -> String {
        let path = NSTemporaryDirectory() + "/nrx-sandbox-" + Launcher.randomHex(8)
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func configuration(_ directory: String) throws -> SandboxConfiguration {
        var configuration = SandboxConfiguration(stateDirectory: directory, initPath: try initPath.get())
        configuration.terminationGraceMicroseconds = 300_000
        return configuration
    }

    static func specification() -> SessionSpecification {
        SessionSpecification(sessionID: "sess_" + Launcher.randomHex(16))
    }

    /// Runs `body` with a host, and shuts it down whatever happens.
    static func withHost<Value>(
        _ change: (inout SandboxConfiguration) -> Void = { _ in }, _ body: (SandboxHost) async throws -> Value
    ) async throws -> Value {
        let directory = temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var configuration = try configuration(directory)
        change(&configuration)
        let host = try SandboxHost(configuration: configuration, logger: quiet)
        do {
            let value = try await body(host)
            await host.shutdown()
            return value
        } catch {
            await host.shutdown()
            throw error
        }
    }

    /// Runs `body` with one environment of its own host.
    static func withEnvironment<Value>(
        _ change: (inout SessionSpecification) -> Void = { _ in }, _ body: (SessionEnvironment) async throws -> Value
    ) async throws -> Value {
        var specification = specification()
        change(&specification)
        let wanted = specification
        return try await withHost { host in try await body(try await host.create(wanted)) }
    }
}

extension ExecResult {
    var text: String { String(decoding: stdout, as: UTF8.self) }
    var errorText: String { String(decoding: stderr, as: UTF8.self) }
}

extension SessionEnvironment {
    /// Runs a shell command.
    func shell(_ text: String, timeout: Int64? = nil) async throws -> ExecResult {
        try await execute(ExecRequest(.shell(text), timeoutMicroseconds: timeout))
    }
}
