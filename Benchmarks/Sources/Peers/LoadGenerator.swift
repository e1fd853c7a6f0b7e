import Foundation

/// `wrk`, one thread, so many connections that each wait for their answer.
enum LoadGenerator {
    /// - Parameters:
    ///   - script: Lua that makes each request; nil for a plain GET of `url`.
    ///   - directory: where the script is kept while it runs.
    /// - Returns: answers a second.
    /// - Throws: when any answer was not 2xx or a connection failed: a rate of refusals says nothing.
    static func rate(
        _ url: String, clients: Int, seconds: Double, script: String? = nil, in directory: String
    ) throws -> Double {
        var arguments = ["-t", "1", "-c", "\(clients)", "-d", "\(max(1, Int(seconds.rounded(.up))))s"]
        if let script {
            let path = directory + "/load-\(UInt32.random(in: 0...UInt32.max)).lua"
            try script.write(toFile: path, atomically: true, encoding: .utf8)
            arguments += ["-s", path]
        }
        let output = try ChildProcess.run("wrk", arguments + [url], in: directory)
        for trouble in ["Non-2xx", "Socket errors"] where output.contains(trouble) {
            throw BenchmarkError("not all answers were good: \(output.suffix(300))")
        }
        guard let rate = output.number(after: "Requests/sec:") else { throw BenchmarkError("wrk printed no rate") }
        return rate
    }
}
