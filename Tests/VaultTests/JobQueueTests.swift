import Testing

@testable import Vault

@Suite("The queue before the vault's thread")
struct JobQueueTests {
    /// What the queue told its caller to do, in a form that compares.
    private enum Answer: Equatable {
        case wake, nothing, sleep, end
        case refuse(VaultError.Code)
        case commit(Int)
    }

    private final class Machine {
        var queue = JobQueue()

        func add() -> Answer {
            switch queue.add(Job({ _ in }, finish: { () throws(VaultError) in }, answer: { _ in })) {
            case .wakeThread: .wake
            case .nothing: .nothing
            case .refuse(let error): .refuse(error.code)
            }
        }

        func next() -> Answer {
            switch queue.next() {
            case .commit(let jobs): .commit(jobs.count)
            case .sleep: .sleep
            case .end: .end
            }
        }

        func close() -> Answer { queue.close() ? .wake : .nothing }

        func poison() -> Int { queue.poison(VaultError(.poisoned, "a test's poison")).count }
    }

    @Test("the thread is woken once for all that gathers while it works")
    func wakesOnce() {
        let machine = Machine()
        #expect([machine.add(), machine.add(), machine.next()] == [.wake, .nothing, .commit(2)])
        #expect([machine.add(), machine.next(), machine.next()] == [.nothing, .commit(1), .sleep])
        #expect(machine.add() == .wake)
    }

    @Test("a transaction takes a limited number of calls")
    func batchLimit() {
        let machine = Machine()
        for _ in 0...JobQueue.batchJobsMax { _ = machine.add() }
        #expect([machine.next(), machine.next()] == [.commit(JobQueue.batchJobsMax), .commit(1)])
    }

    @Test("one call too many is refused, and the next transaction makes room")
    func overload() {
        let machine = Machine()
        for _ in 0..<JobQueue.waitingJobsMax { _ = machine.add() }
        #expect(machine.add() == .refuse(.overloaded))
        _ = machine.next()
        #expect(machine.add() == .nothing)
    }

    @Test("a closed queue refuses new calls, still gives out the old ones, then ends")
    func close() {
        let machine = Machine()
        _ = machine.add()
        #expect(machine.close() == .nothing, "the thread is awake already")
        #expect([machine.add(), machine.next(), machine.next()] == [.refuse(.closed), .commit(1), .end])
    }

    @Test("closing wakes a sleeping thread, once")
    func closeWakes() {
        let machine = Machine()
        #expect([machine.close(), machine.close(), machine.next()] == [.wake, .nothing, .end])
    }

    @Test("a poisoned queue hands back what waited and refuses the rest")
    func poison() {
        let machine = Machine()
        _ = machine.add()
        _ = machine.add()
        #expect(machine.poison() == 2)
        #expect([machine.add(), machine.next(), machine.close()] == [.refuse(.poisoned), .end, .nothing])
    }
}
