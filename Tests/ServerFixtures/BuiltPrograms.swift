public import Foundation

/// The programs of this build, which lie beside the test binary.
public enum BuiltPrograms {
    /// A program that was not built, and how to build it.
    public struct Missing: Error, CustomStringConvertible {
        let path: String
        /// What to run.
        public var description: String { "\(path) is not there. Run `make build`, then the tests again." }
    }

    /// The directory of the running test binary, for example `.build/release`.
    public static let directory = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().path(percentEncoded: false)

    /// The path of a program.
    ///
    /// - Throws: ``Missing`` when it was not built.
    public static func path(_ name: String) throws -> String {
        let path = (directory.hasSuffix("/") ? directory : directory + "/") + name
        guard FileManager.default.isExecutableFile(atPath: path) else { throw Missing(path: path) }
        return path
    }

    /// Runs a program to its end. Blocks: for tools that take milliseconds.
    ///
    /// - Parameter input: what it reads from standard input.
    public static func run(_ path: String, _ arguments: [String], input: Data? = nil) throws -> ProgramResult {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let (output, errors, source) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = source
        try process.run()
        // Every stream on its own thread, so that none fills up while another is waited for.
        let collected = Collected()
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            collected.set(errors: errors.fileHandleForReading.readDataToEndOfFile())
        }
        DispatchQueue.global().async(group: group) {
            if let input { try? source.fileHandleForWriting.write(contentsOf: input) }
            try? source.fileHandleForWriting.close()
        }
        let text = output.fileHandleForReading.readDataToEndOfFile()
        group.wait()
        process.waitUntilExit()
        return ProgramResult(
            status: process.terminationStatus, output: text,
            errors: String(decoding: collected.errors, as: UTF8.self))
    }
}

/// What a program that ended left.
public struct ProgramResult: Sendable {
    public let status: Int32
    public let output: Data
    public let errors: String

    /// Standard output as text.
    public var text: String { String(decoding: output, as: UTF8.self) }
}
