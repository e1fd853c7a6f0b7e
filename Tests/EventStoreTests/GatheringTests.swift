import Dispatch
import Glibc
import Synchronization
import Testing

@testable import EventStore

@Suite("Appends that are gathered", .timeLimit(.minutes(2)))
struct GatheringTests {
    /// How many events each commit held.
    private final class Commits: Sendable {
        private let events = Mutex<[Int]>([])

        func note(_ measurement: CommitMeasurement) { events.withLock { $0.append(measurement.events) } }

        /// Of the commits so far, without that of the first event.
        var sizes: [Int] { Array(events.withLock(\.self)) }
    }

    private func open(_ directory: TemporaryDirectory, _ commits: Commits) throws -> EventLog {
        var configuration = smallConfiguration()
        configuration.committed = { commits.note($0) }
        return try openLog(directory.path, configuration: configuration)
    }

    /// Lets the writer run for a while, in which it would commit what it may.
    private func letTheWriterRun(_ log: EventLog) {
        let size = log.head.size
        for _ in 0..<20_000 where log.head.size == size { sched_yield() }
    }

    @Test("what is submitted within one call is one commit, however long it takes")
    func oneCommit() async throws {
        let directory = try TemporaryDirectory()
        let commits = Commits()
        let log = try open(directory, commits)
        let before = commits.sizes.count
        let pending: [PendingAppend] = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                var pending: [Result<PendingAppend, any Error>] = []
                log.gathering {
                    for number in 0..<5 {
                        pending.append(Result { try log.submit([draft(number)]) })
                        letTheWriterRun(log)
                    }
                }
                continuation.resume(with: Result { try pending.map { try $0.get() } })
            }
        }
        for append in pending { _ = try await append.durable() }
        #expect(commits.sizes.dropFirst(before) == [5])
        _ = try await log.append([draft(5)])
        try await log.close()
    }

    @Test("others' appends wait until the last one who gathers is done, and are then committed")
    func twoWhoGather() async throws {
        let directory = try TemporaryDirectory()
        let commits = Commits()
        let log = try open(directory, commits)
        let before = commits.sizes.count
        let (inner, outer) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let ended = DispatchGroup()
        DispatchQueue.global().async(group: ended) { log.gathering { outer.wait() } }
        DispatchQueue.global().async(group: ended) { log.gathering { inner.wait() } }
        while log.gatherers < 2 { await Task.yield() }
        let pending = try log.submit([draft(0)])
        inner.signal()
        while log.gatherers > 1 { await Task.yield() }
        letTheWriterRun(log)
        #expect(commits.sizes.count == before)
        outer.signal()
        _ = try await pending.durable()
        #expect(commits.sizes.dropFirst(before) == [1])
        await withCheckedContinuation { continuation in
            ended.notify(queue: .global()) { continuation.resume() }
        }
        try await log.close()
    }

    @Test("a log that is closed while somebody gathers commits what was submitted")
    func closing() async throws {
        let directory = try TemporaryDirectory()
        let log = try open(directory, Commits())
        let (submitted, letGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let result = Mutex<Result<PendingAppend, any Error>?>(nil)
        DedicatedThread.start(name: "gatherer") {
            log.gathering {
                let pending = Result { try log.submit([draft(0)]) as PendingAppend } as Result<PendingAppend, any Error>
                result.withLock { $0 = pending }
                submitted.signal()
                letGo.wait()
            }
        }
        while result.withLock({ $0 == nil }) { await Task.yield() }
        async let closed: Void = log.close()
        while true {
            do { _ = try log.submit([draft(1)]) } catch { break }
            await Task.yield()
        }
        letGo.signal()
        try await closed
        let submission = result.withLock { $0 }
        let pending = try #require(submission).get()
        #expect(try await pending.durable().firstSequence == 1)
    }
}
