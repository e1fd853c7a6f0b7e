import EventStore
import Foundation
import Synchronization

/// Durable appends a second by so many writers at once, each of which waits for its event before it sends the next.
struct AppendBenchmark {
    private let log: EventLog
    /// Made before the clock runs: the caller's work is not the log's.
    private let drafts = SampleEvents.make(count: 8_192)

    private static let writerCounts = [1, 16, 64, 256]

    /// One lone append against the bare sync of as many bytes; many writers against one.
    static func rows(in directory: String, rounds: Rounds) async throws -> [Table.Row] {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let bytes = try await loneAppendBytes(directory: directory + "/lone")
        let raw = try RawSync(path: directory + "/raw", bytes: bytes)
        let benchmark = try AppendBenchmark(directory: directory + "/log")
        let appends = writerCounts.map { writers in
            { (seconds: Double) in try await benchmark.measure(writers: writers, seconds: seconds) }
        }
        let medians = try await rounds.medians(
            [{ try raw.measure(seconds: $0) }, { try await benchmark.measureCalledBack(seconds: $0) }] + appends)
        try await benchmark.log.close()
        let (sync, calledBack, one) = (medians[0], medians[1], medians[2])
        let lone = [("called back", calledBack), ("a task", one)].map { (writer, rate) in
            Table.Row(
                name: "durable append, 1 writer, \(writer) (time)", ours: rateText(rate),
                peer: "fdatasync of \(bytes) bytes", theirs: rateText(sync), ratio: sync / rate, target: .atMost(1.15))
        }
        return lone
            + zip(writerCounts, medians.dropFirst(2)).dropFirst().map { writers, rate in
                Table.Row(
                    name: "durable append, \(writers) writers", ours: rateText(rate), peer: "1 writer",
                    theirs: rateText(one), ratio: rate / one, target: writers == 64 ? .atLeast(20) : nil)
            }
    }

    init(directory: String) throws {
        let signer = try BenchmarkSigner()
        log = try EventLog.open(
            directory: directory, signer: signer, keeper: signer, clock: SystemClock.now,
            newEventID: { SampleEvents.newEventID() })
    }

    func close() async throws { try await log.close() }

    /// Bytes that one append of one sample event writes: a batch and the header of the filler behind it.
    private static func loneAppendBytes(directory: String) async throws -> Int {
        let count = 16
        let benchmark = try AppendBenchmark(directory: directory)
        for draft in benchmark.drafts.prefix(count) { _ = try await benchmark.log.append([draft]) }
        try await benchmark.log.close()
        let segment = try FileManager.default.attributesOfItem(
            atPath: directory + "/" + String(repeating: "0", count: 20) + ".jsonl.lz4")
        let size = (segment[.size] as? NSNumber)?.intValue ?? 0
        let fillerHeaderBytes = 8
        return size / (count + 1) + fillerHeaderBytes
    }

    /// Appends a second by one writer that is called back, as a sign-up is: no task sleeps and is woken.
    func measureCalledBack(seconds: Double) async throws -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let chain = AppendChain(log: log, drafts: drafts, end: start.advanced(by: .seconds(seconds)))
        return try await Double(chain.run()) / start.duration(to: clock.now).inSeconds
    }

    /// Appends a second by so many writers, each a task.
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

/// Appends one event after the other until a time is up; each is sent by the callback of the one before.
private final class AppendChain: Sendable {
    private let log: EventLog
    private let drafts: [EventDraft]
    private let end: ContinuousClock.Instant
    private let appended = Atomic<Int>(0)

    init(log: EventLog, drafts: [EventDraft], end: ContinuousClock.Instant) {
        self.log = log
        self.drafts = drafts
        self.end = end
    }

    /// - Returns: how many became durable.
    func run() async throws -> Int {
        try await withCheckedThrowingContinuation { done in
            sendNext { done.resume(with: $0) }
        }
    }

    private func sendNext(then done: @escaping @Sendable (Result<Int, any Error>) -> Void) {
        let count = appended.load(ordering: .relaxed)
        guard ContinuousClock.now < end else { return done(.success(count)) }
        do {
            try log.submit([drafts[count % drafts.count]]).whenDurable { [self] result in
                if case .failure(let error) = result { return done(.failure(error)) }
                appended.add(1, ordering: .relaxed)
                sendNext(then: done)
            }
        } catch { done(.failure(error)) }
    }
}
