import EventStore
import Glibc

/// Durable appends a second by so many writers at once, each of which waits for its event before it sends the next.
struct AppendBenchmark {
    let log: EventLog
    /// Made before the clock runs; writer n begins at the n-th part of them.
    let drafts: [EventDraft]

    func measure(writers: Int, seconds: Double) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let end = start.advanced(by: .seconds(seconds))
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var appended = 0
                    var next = writer * drafts.count / writers
                    while clock.now < end {
                        _ = try await log.append([drafts[next % drafts.count]])
                        next += 1
                        appended += 1
                    }
                    return appended
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(count) / start.duration(to: clock.now).inSeconds
    }
}
