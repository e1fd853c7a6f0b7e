import Foundation

/// Programs whose whole run is measured.
enum TimedProgram {
    /// Runs a program to its successful end; how long that took.
    ///
    /// - Parameter cores: on so many cores, the first ones; nil for all.
    static func seconds(_ program: String, _ arguments: [String], cores: Int? = nil) throws -> Double {
        let process = Process()
        process.executableURL = URL(filePath: cores == nil ? program : "/usr/bin/taskset")
        process.arguments = (cores.map { ["--cpu-list", "0-\($0 - 1)", program] } ?? []) + arguments
        let complaints = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = complaints
        let clock = ContinuousClock()
        let start = clock.now
        try process.run()
        process.waitUntilExit()
        let elapsed = start.duration(to: clock.now).inSeconds
        guard process.terminationStatus == 0 else {
            let text = String(decoding: complaints.fileHandleForReading.availableData.prefix(500), as: UTF8.self)
            throw BenchmarkError("\(program) ended with \(process.terminationStatus) \(text)")
        }
        return elapsed
    }
}
