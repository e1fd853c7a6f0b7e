import Foundation

/// A peer's server or load generator as a child of this program.
// @unchecked: nothing of it changes after init but what Process guards by itself.
final class ChildProcess: @unchecked Sendable {
    private let process = Process()
    private let outputPath: String

    /// Starts `program`, found on the PATH, with its output in a file of `directory`.
    init(_ program: String, _ arguments: [String], in directory: String) throws {
        guard let path = Self.find(program) else { throw BenchmarkError("\(program) is not installed") }
        outputPath = directory + "/\(URL(filePath: program).lastPathComponent)-\(UInt32.random(in: 0...UInt32.max)).out"
        guard FileManager.default.createFile(atPath: outputPath, contents: nil),
            let output = FileHandle(forWritingAtPath: outputPath)
        else { throw BenchmarkError("cannot write \(outputPath)") }
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: directory)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try Self.withoutBlockedSignals { try process.run() }
    }

    /// A child inherits the blocked signals of the thread that starts it, and threads of the cooperative pool block all:
    /// pgbench would never see its alarm, a server never a request to stop.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// What it has printed so far, on either stream.
    var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }

    var pid: Int32 { process.processIdentifier }

    var isRunning: Bool { process.isRunning }

    /// Waits until `isReady` says so.
    ///
    /// - Parameter attempts: looks, one every 50 milliseconds.
    /// - Throws: when it ends before, or after the last look.
    func waitUntil(attempts: Int = 400, _ isReady: (String) throws -> Bool) throws {
        for _ in 0..<attempts {
            if try isReady(output) { return }
            guard process.isRunning else { break }
            usleep(50_000)
        }
        throw BenchmarkError(
            "\(process.executableURL?.lastPathComponent ?? "a peer") did not start: \(output.suffix(400))")
    }

    /// Asks it to stop and waits for its end.
    ///
    /// - Returns: its exit code.
    @discardableResult
    func stop() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// Runs `program` to its successful end.
    ///
    /// - Returns: what it printed, both streams together.
    @discardableResult
    static func run(_ program: String, _ arguments: [String], in directory: String) throws -> String {
        let child = try ChildProcess(program, arguments, in: directory)
        child.process.waitUntilExit()
        let output = child.output
        try? FileManager.default.removeItem(atPath: child.outputPath)
        guard child.process.terminationStatus == 0 else {
            throw BenchmarkError("\(program) ended with \(child.process.terminationStatus): \(output.suffix(400))")
        }
        return output
    }

    /// Where Debian puts what is not on every PATH: PostgreSQL's programs.
    private static let furtherDirectories = ["/usr/lib/postgresql/15/bin", "/usr/sbin", "/sbin"]

    /// The path of `program`, or nil when it is not installed.
    static func find(_ program: String) -> String? {
        if program.contains("/") { return program }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return (path.split(separator: ":").map(String.init) + furtherDirectories).map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// A port of the loopback that nothing listens on now.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw BenchmarkError("no socket: errno \(errno)") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failure = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) != 0 || getsockname(descriptor, generic, &length) != 0
            }
        }
        guard !failure else { throw BenchmarkError("no free port: errno \(errno)") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

extension String {
    /// The number between `prefix` and what follows it, for example `tps = 1234.5`.
    func number(after prefix: String) -> Double? {
        guard let range = range(of: prefix, options: .backwards) else { return nil }
        let digits = self[range.upperBound...].drop { $0 == " " }.prefix { $0.isNumber || $0 == "." }
        return Double(digits)
    }
}
