import Foundation
import ServerFixtures
import Testing

/// The real `nrx-server` in a process of its own, on a free port.
final class ServerProcess: Sendable {
    /// Why a server did not come up: its exit code and what it said.
    struct NotStarted: Error, CustomStringConvertible {
        let status: Int32?
        let output: String
        var description: String { "nrx-server ended with \(status.map(String.init) ?? "nothing"): \(output)" }
    }

    let process: Process
    /// `http://127.0.0.1:PORT`.
    let url: String
    let outputFile: String
    let logFile: String
    private let ended: AsyncStream<Int32>

    /// Starts a server and waits until it is ready.
    ///
    /// - Parameters:
    ///   - directory: holds `data` and what the server printed.
    ///   - options: added to `--port 0 --data-dir … --warm-pool 0 --address-limits off`.
    ///   - environment: added to this process's own.
    static func start(
        in directory: TemporaryDirectory, _ options: [String] = [], environment: [String: String] = [:]
    ) async throws -> ServerProcess {
        try await start(
            [
                try BuiltPrograms.path("nrx-server"), "--port", "0", "--data-dir", directory.path + "/data",
                "--warm-pool", "0", "--address-limits", "off", "--init-path", try BuiltPrograms.path("nrx-init"),
            ] + options, in: directory, environment: environment)
    }

    /// Starts a server by a whole command and waits until it is ready.
    static func start(
        _ command: [String], in directory: TemporaryDirectory, environment: [String: String]
    ) async throws -> ServerProcess {
        let number = UUID().uuidString
        let (output, log) = (directory.path + "/\(number).out", directory.path + "/\(number).log")
        let process = Process()
        process.executableURL = URL(filePath: try #require(command.first))
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, own in own }
        process.standardOutput = try emptyFile(output)
        process.standardError = try emptyFile(log)
        process.standardInput = FileHandle.nullDevice
        let (ended, source) = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { process in
            source.yield(process.terminationStatus)
            source.finish()
        }
        try process.run()
        let url = try await waitUntilReady(process, output: output, log: log)
        return ServerProcess(process, url: url, output: output, log: log, ended: ended)
    }

    private init(_ process: Process, url: String, output: String, log: String, ended: AsyncStream<Int32>) {
        self.process = process
        self.url = url
        outputFile = output
        logFile = log
        self.ended = ended
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    private static func emptyFile(_ path: String) throws -> FileHandle {
        try Data().write(to: URL(filePath: path))
        return try FileHandle(forWritingTo: URL(filePath: path))
    }

    private static func waitUntilReady(_ process: Process, output: String, log: String) async throws -> String {
        let prefix = "listening on "
        for _ in 0..<18_000 {
            let text = try String(contentsOfFile: output, encoding: .utf8)
            if let line = text.split(separator: "\n").first(where: { $0.hasPrefix(prefix) }), text.hasSuffix("\n") {
                return String(line.dropFirst(prefix.count))
            }
            if !process.isRunning { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        let said = try String(contentsOfFile: log, encoding: .utf8)
        let status = process.isRunning ? nil : process.terminationStatus
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        throw NotStarted(status: status, output: said)
    }

    /// Ends the server as a power failure would, and waits until it is gone.
    func kill9() async { await end(with: SIGKILL) }

    /// Asks the server to stop.
    ///
    /// - Returns: its exit code.
    @discardableResult
    func stop() async -> Int32 { await end(with: SIGTERM) }

    @discardableResult
    private func end(with signal: Int32) async -> Int32 {
        kill(process.processIdentifier, signal)
        for await status in ended { return status }
        return process.terminationStatus
    }

    /// Everything that the server printed.
    func printed() throws -> String {
        try String(contentsOfFile: outputFile, encoding: .utf8) + String(contentsOfFile: logFile, encoding: .utf8)
    }

    /// The pids of everything that descends from the server.
    func descendants() throws -> [Int32] {
        var children: [Int32: [Int32]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(name), let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
                let parent = text.split(separator: ")").last?.split(separator: " ").dropFirst().first,
                let parentPid = Int32(parent)
            else { continue }
            children[parentPid, default: []].append(pid)
        }
        var found: [Int32] = []
        var next = [process.processIdentifier]
        while let pid = next.popLast() {
            let own = children[pid] ?? []
            found += own
            next += own
        }
        return found
    }
}
