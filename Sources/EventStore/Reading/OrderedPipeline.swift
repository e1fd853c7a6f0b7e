import Dispatch
import Synchronization

/// Several threads make items and work on them, and the caller gets the results in the order in which the items were made.
///
/// The caller is one of these threads: while no result is due it works like the others. So on one core everything
/// happens on one thread, from the file to the result in the core's own cache, and on more no thread is there that only waits.
/// Bounded: at most `slots` items are on their way at a time. Used once.
final class OrderedPipeline<Item: Sendable, Output: Sendable>: Sendable {
    private struct State {
        var finished: [Int: Output] = [:]
        var produced = 0
        var hasEnded = false
        var isCancelled = false
    }

    private enum Turn {
        case output(Output)
        case work
        case end
    }

    private let threads: Int
    private let slots: Int
    private let produce: @Sendable () -> Item?
    private let state = Mutex(State())
    /// Held while an item is made, so that they are numbered in order.
    private let production = Mutex(())
    /// Counts free slots.
    private let room = DispatchSemaphore(value: 0)
    /// Signalled for every output and at the end.
    private let ready = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - threads: how many work, the caller's included; at least 1.
    ///   - slots: items on their way at most.
    ///   - produce: makes one item a call, nil at the end; called by one thread at a time.
    init(threads: Int, slots: Int, produce: @escaping @Sendable () -> Item?) {
        self.threads = threads
        self.slots = slots
        self.produce = produce
    }

    /// Runs to the end of the items, or until `consume` throws. Blocking; all threads have ended when it returns.
    ///
    /// - Parameters:
    ///   - makeWorker: called on each thread that works; what it returns stays on that thread.
    ///   - consume: called on the caller's thread, in order.
    func run(
        makeWorker: @escaping @Sendable () -> ((Item) -> Output), consume: (Output) throws -> Void
    ) rethrows {
        let group = DispatchGroup()
        for _ in 0..<slots { room.signal() }
        for _ in 1..<max(1, threads) {
            group.enter()
            DedicatedThread.start(name: "nrx-scan-work") {
                self.workOn(makeWorker())
                group.leave()
            }
        }
        defer {
            state.withLock { $0.isCancelled = true }
            room.signal()
            group.wait()
        }
        let transform = makeWorker()
        var next = 0
        var mayHaveMore = true
        while true {
            switch turn(next) {
            case .output(let output):
                try consume(output)
                room.signal()
                next += 1
            case .work:
                if mayHaveMore, room.wait(timeout: .now()) == .success {
                    mayHaveMore = workOnce(transform)
                } else {
                    // Another thread has the result that is due in its hands.
                    ready.wait()
                }
            case .end: return
            }
        }
    }

    private func turn(_ number: Int) -> Turn {
        state.withLock { state in
            if let output = state.finished.removeValue(forKey: number) { return .output(output) }
            return state.hasEnded && number == state.produced ? .end : .work
        }
    }

    /// Makes the next item and works on it, in a slot that was taken; false when there is none any more.
    private func workOnce(_ transform: (Item) -> Output) -> Bool {
        let next = production.withLock { _ -> (number: Int, item: Item)? in
            if state.withLock({ $0.hasEnded || $0.isCancelled }) { return nil }
            let item = produce()
            return state.withLock { state in
                guard let item else {
                    state.hasEnded = true
                    return nil
                }
                defer { state.produced += 1 }
                return (state.produced, item)
            }
        }
        guard let next else {
            // Whoever waits for room hears of the end.
            room.signal()
            return false
        }
        let output = transform(next.item)
        state.withLock { $0.finished[next.number] = output }
        ready.signal()
        return true
    }

    private func workOn(_ transform: (Item) -> Output) {
        repeat { room.wait() } while workOnce(transform)
    }
}
