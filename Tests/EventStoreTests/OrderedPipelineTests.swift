import Glibc
import Synchronization
import Testing

@testable import EventStore

@Suite("The pipeline that reads a log on all cores")
struct OrderedPipelineTests {
    private struct Refused: Error {}

    /// Makes 0, 1, 2 … below `count`, and counts how many threads do so at a time.
    private final class Numbers: Sendable {
        private struct State {
            var next = 0
            var makers = 0
            var makersMax = 0
        }
        private let state = Mutex(State())
        private let count: Int
        init(_ count: Int) { self.count = count }

        var makersMax: Int { state.withLock { $0.makersMax } }

        func next() -> Int? {
            state.withLock {
                $0.makers += 1
                $0.makersMax = max($0.makersMax, $0.makers)
            }
            sched_yield()
            return state.withLock { state in
                state.makers -= 1
                guard state.next < count else { return nil }
                defer { state.next += 1 }
                return state.next
            }
        }
    }

    @Test(
        "hands over every result once and in order, whichever is done first, and items are made one at a time",
        arguments: [1, 2, 5], [0, 1, 3, 500])
    func keepsOrder(threads: Int, count: Int) {
        let numbers = Numbers(count)
        let pipeline = OrderedPipeline<Int, Int>(threads: threads, slots: 2 * threads + 2) { numbers.next() }
        var results: [Int] = []
        pipeline.run(
            makeWorker: {
                { number in
                    if number.isMultiple(of: 7) { usleep(300) }
                    return number * 2
                }
            }, consume: { results.append($0) })
        #expect(results == (0..<count).map { $0 * 2 })
        #expect(numbers.makersMax == 1)
    }

    @Test("never has more items on their way than it has slots", arguments: [1, 2, 4])
    func isBounded(threads: Int) {
        let onTheirWay = Mutex((now: 0, most: 0))
        let numbers = Numbers(200)
        let pipeline = OrderedPipeline<Int, Int>(threads: threads, slots: 5) {
            let number = numbers.next()
            if number != nil {
                onTheirWay.withLock { count in
                    count.now += 1
                    count.most = max(count.most, count.now)
                }
            }
            return number
        }
        pipeline.run(makeWorker: { { $0 } }, consume: { _ in onTheirWay.withLock { $0.now -= 1 } })
        #expect(onTheirWay.withLock { $0.most } <= 5)
    }

    @Test("ends with all its threads when the caller wants no more", arguments: [1, 2, 4])
    func endsEarly(threads: Int) {
        let workers = Mutex(0)
        let numbers = Numbers(.max)
        let pipeline = OrderedPipeline<Int, Int>(threads: threads, slots: 6) { numbers.next() }
        #expect(throws: Refused.self) {
            try pipeline.run(
                makeWorker: {
                    workers.withLock { $0 += 1 }
                    return { $0 }
                }, consume: { if $0 == 50 { throw Refused() } })
        }
        #expect(workers.withLock { $0 } <= threads)
    }

    // glibc shows it only to those who ask for GNU's extensions, which a Swift module cannot.
    private typealias SetAffinity = @convention(c) (pid_t, Int, UnsafeRawPointer) -> CInt

    @Test("uses as many cores as its thread may run on, not as many as the machine has")
    func countsUsableCores() async throws {
        let symbol = try #require(dlsym(nil, "sched_setaffinity"))
        let address = Int(bitPattern: symbol)
        let found = await withCheckedContinuation { (done: CheckedContinuation<[Int], Never>) in
            DedicatedThread.start(name: "few-cores") {
                let setAffinity = unsafeBitCast(address, to: SetAffinity.self)
                var found: [Int] = []
                for core in 0..<64 {
                    var allowed = UInt64(1) << core
                    guard setAffinity(0, MemoryLayout<UInt64>.size, &allowed) == 0 else { continue }
                    found.append(ScanResources.usableCores)
                }
                done.resume(returning: found)
            }
        }
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0 == 1 }, "\(found)")
    }
}
