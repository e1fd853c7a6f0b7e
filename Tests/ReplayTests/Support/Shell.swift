import Foundation
import Testing

/// Runs programs as a user would.
enum Shell {
    struct Result {
        let status: Int32
        let output: [UInt8]

        var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// Runs a shell command.
    static func run(_ command: String) throws -> Result { try run("/bin/sh", ["-c", command]) }

    /// Runs the program under test, which is built beside the tests.
    static func replay(_ arguments: [String]) throws -> Result {
        let products = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        return try run(products.appending(path: "nrx-replay").path, arguments)
    }

    private static func run(_ program: String, _ arguments: [String]) throws -> Result {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(status: process.terminationStatus, output: Array(output))
    }
}
