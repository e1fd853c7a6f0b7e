import EventStore
import Foundation

/// What is not counted as it happens but looked at when somebody asks.
struct MetricGauges: Sendable {
    /// Sessions by what they do now; each is in one state.
    var sessions = SessionCounts()
    var logEvents: UInt64 = 0
    var projectedEvents: UInt64 = 0
    var logHasFailed = false
    var projectionsHaveFailed = false
    var startedAt = Timestamp(microseconds: 0)
    var process = ProcessUsage()

    func write(to text: inout PrometheusText) {
        text.begin(.sessions)
        for (state, count) in [
            ("creating", sessions.creating), ("idle", sessions.idle), ("executing", sessions.executing),
            ("ending", sessions.ending),
        ] {
            text.number(Double(count), of: .sessions, [("state", state)])
        }
        let lag = logEvents - min(projectedEvents, logEvents)
        let numbers: [(MetricFamily, Double?)] = [
            (.logEvents, Double(logEvents)), (.logFailed, logHasFailed ? 1 : 0), (.projectionLag, Double(lag)),
            (.projectionsFailed, projectionsHaveFailed ? 1 : 0), (.processorTime, process.processorSeconds),
            (.residentMemory, process.residentBytes), (.openDescriptors, process.openDescriptors),
            (.descriptorsMax, process.descriptorsMax), (.startTime, Double(startedAt.microseconds) / 1e6),
        ]
        for (family, number) in numbers {
            guard let number else { continue }
            text.begin(family)
            text.number(number, of: family)
        }
    }
}

/// How many sessions of this server are in which state; each is in one.
struct SessionCounts: Sendable, Equatable {
    var creating = 0
    var idle = 0
    var executing = 0
    var ending = 0
}

/// What this process uses; nil for what the machine does not tell.
struct ProcessUsage: Sendable {
    var processorSeconds: Double?
    var residentBytes: Double?
    var openDescriptors: Double?
    var descriptorsMax: Double?

    /// Of this moment. Reads `/proc/self`; blocking for some microseconds.
    static var now: ProcessUsage {
        var usage = ProcessUsage()
        var time = timespec()
        if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 {
            usage.processorSeconds = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        // The second number is in pages (proc(5)).
        if let data = FileManager.default.contents(atPath: "/proc/self/statm") {
            let numbers = String(decoding: data, as: UTF8.self).split(separator: " ")
            if numbers.count > 1, let pages = Double(numbers[1]) {
                usage.residentBytes = pages * Double(sysconf(Int32(_SC_PAGESIZE)))
            }
        }
        usage.openDescriptors = openDescriptorCount
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            usage.descriptorsMax = Double(limit.rlim_cur)
        }
        return usage
    }

    /// Without the one that reads the directory.
    private static var openDescriptorCount: Double? {
        do {
            return Double(try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count - 1)
        } catch {
            // There is no such directory: nothing is said.
            return nil
        }
    }
}
