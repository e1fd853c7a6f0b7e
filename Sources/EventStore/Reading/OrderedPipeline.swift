import Dispatch
import Synchronization

/// One thread makes items, several work on them, and the caller gets the results in the order in which the items were
/// made.
///
/// Bounded: at most `slots` items are on their way at a time. Used once.
final class OrderedPipeline<Item: Sendable, Output: Sendable>: Sendable {
    private struct State {
        /// Items nobody works on yet, the next one last.
        var waiting: [(number: Int, item: Item)] = []
        var finished: [Int: Output] = [:]
        var produced = 0
        var hasEnded = false
        var isCancelled = false
    }

    private enum Turn {
        case output(Output)
        case wait
        case end
    }

    private let threads: Int
    private let slots: Int
    private let state = Mutex(State())
    /// Counts free slots.
    private let room = DispatchSemaphore(value: 0)
    /// Signalled for every item, and by each worker that leaves for the next one.
    private let work = DispatchSemaphore(value: 0)
    /// Signalled for every output and at the end.
    private let ready = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - threads: workers, at least 1.
    ///   - slots: items on their way at most.
    init(threads: Int, slots: Int) {
        self.threads = threads
        self.slots = slots
    }

    /// Runs to the end of the items, or until `consume` throws. Blocking; all threads have ended when it returns.
    ///
    /// - Parameters:
    ///   - makeProducer: called on the producer's thread; what it returns makes one item a call, nil at the end.
    ///   - makeWorker: called on each worker's thread; what it returns stays on that thread.
    ///   - consume: called on the caller's thread, in order.
    func run(
        makeProducer: @escaping @Sendable () -> (() -> Item?), makeWorker: @escaping @Sendable () -> ((Item) -> Output),
        consume: (Output) throws -> Void
    ) rethrows {
        let group = DispatchGroup()
        for _ in 0..<slots { room.signal() }
        start(in: group, name: "nrx-scan-read") { self.produceAll(makeProducer()) }
        for _ in 0..<threads { start(in: group, name: "nrx-scan-work") { self.workOn(makeWorker()) } }
        defer {
            state.withLock { $0.isCancelled = true }
            room.signal()
            work.signal()
            group.wait()
        }
        var next = 0
        while true {
            switch turn(next) {
            case .output(let output):
                try consume(output)
                room.signal()
                next += 1
            case .wait: ready.wait()
            case .end: return
            }
        }
    }

    private func start(in group: DispatchGroup, name: String, _ body: @escaping @Sendable () -> Void) {
        group.enter()
        DedicatedThread.start(name: name) {
            body()
            group.leave()
        }
    }

    private func turn(_ number: Int) -> Turn {
        state.withLock { state in
            if let output = state.finished.removeValue(forKey: number) { return .output(output) }
            return state.hasEnded && number == state.produced ? .end : .wait
        }
    }

    private func produceAll(_ produce: () -> Item?) {
        while true {
            room.wait()
            if state.withLock({ $0.isCancelled }) { return }
            guard let item = produce() else { break }
            state.withLock { state in
                state.waiting.insert((state.produced, item), at: 0)
                state.produced += 1
            }
            work.signal()
        }
        state.withLock { $0.hasEnded = true }
        ready.signal()
        work.signal()
    }

    private func workOn(_ transform: (Item) -> Output) {
        while true {
            work.wait()
            let next = state.withLock { state in state.isCancelled ? nil : state.waiting.popLast() }
            guard let next else { break }
            let output = transform(next.item)
            state.withLock { $0.finished[next.number] = output }
            ready.signal()
        }
        // The end was announced once; pass it on.
        work.signal()
    }
}
