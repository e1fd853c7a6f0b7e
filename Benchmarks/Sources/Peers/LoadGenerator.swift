import Foundation

/// `wrk`, one thread, so many connections that each wait for their answer.
enum LoadGenerator {
    /// What a run measured.
    struct Load {
        /// Answers a second.
        let rate: Double
        let requests: Int
        /// 99 of 100 answers came within this time.
        let p99Milliseconds: Double
    }

    /// - Returns: answers a second.
    /// - Throws: as ``measure(_:clients:seconds:script:in:)``.
    static func rate(
        _ url: String, clients: Int, seconds: Double, script: String? = nil, in directory: String
    ) throws -> Double {
        try measure(url, clients: clients, seconds: seconds, script: script, in: directory).rate
    }

    /// - Parameters:
    ///   - script: Lua that makes each request; nil for a plain GET of `url`.
    ///   - directory: where the script is kept while it runs.
    /// - Throws: when any answer was not 2xx or a connection failed: a rate of refusals says nothing.
    static func measure(
        _ url: String, clients: Int, seconds: Double, script: String? = nil, in directory: String
    ) throws -> Load {
        var arguments = ["--latency", "-t", "1", "-c", "\(clients)", "-d", "\(max(1, Int(seconds.rounded(.up))))s"]
        if let script {
            let path = directory + "/load-\(UInt32.random(in: 0...UInt32.max)).lua"
            try script.write(toFile: path, atomically: true, encoding: .utf8)
            arguments += ["-s", path]
        }
        let output = try ChildProcess.run("wrk", arguments + [url], in: directory)
        for trouble in ["Non-2xx", "Socket errors"] where output.contains(trouble) {
            throw BenchmarkError("not all answers were good: \(output.suffix(300))")
        }
        guard let rate = output.number(after: "Requests/sec:"),
            let requests = output.firstMatch(of: /([0-9]+) requests in/).flatMap({ Int($0.1) }),
            let p99 = output.firstMatch(of: /99%\s+([0-9.]+)(us|ms|s)/), let time = Double(p99.1)
        else { throw BenchmarkError("wrk printed no rate") }
        let milliseconds = p99.2 == "us" ? time / 1_000 : p99.2 == "s" ? time * 1_000 : time
        return Load(rate: rate, requests: requests, p99Milliseconds: milliseconds)
    }
}
