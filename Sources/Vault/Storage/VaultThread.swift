import Dispatch
import EventStore
import GRDB
import Synchronization

/// The thread that alone touches the vault's database. It takes all calls that wait and commits them as one transaction
/// with one sync, so that many sign-ups at once cost little more than one.
final class VaultThread: Sendable {
    private let customers: CustomersTable
    private let queue = Mutex(JobQueue())
    private let work = DispatchSemaphore(value: 0)
    private let ended = DispatchGroup()
    private let closingFailure = Mutex<VaultError?>(nil)
    private let batches = Atomic(0)
    /// What is put around the answers to calls that share a transaction.
    private let together = Mutex<@Sendable (() -> Void) -> Void>({ $0() })

    /// Answers that ``answerTogether(_:)`` keeps together at most: what they do shall not hold up others for long.
    private static let answersTogetherMax = 32

    /// Transactions committed so far.
    var committedBatches: Int { batches.load(ordering: .relaxed) }

    /// Calls that wait now.
    var waitingJobs: Int { queue.withLock { $0.waiting.count } }

    /// Starts the thread, which ends after ``close()``.
    ///
    /// - Parameter customers: the database's, forgotten after a rollback and before the file is closed.
    init(_ database: DatabaseQueue, _ customers: CustomersTable) {
        self.customers = customers
        ended.enter()
        DedicatedThread.start(name: "nrx-vault") { [self] in
            run(database)
            ended.leave()
        }
    }

    // MARK: - Calls

    /// See ``Vault/answerTogether(_:)``.
    func answerTogether(_ together: @escaping @Sendable (() -> Void) -> Void) {
        self.together.withLock { $0 = together }
    }

    /// Runs `body` in a transaction and `finish` after its commit, without blocking a cooperative thread.
    func run<Found: Sendable, Answer: Sendable>(
        emptiesJournal: Bool = false,
        afterwards: (@Sendable (DatabaseQueue) throws(VaultError) -> Void)? = nil,
        _ body: @escaping @Sendable (Database) throws -> Found,
        finish: @escaping @Sendable (Found) throws(VaultError) -> Answer
    ) async throws(VaultError) -> Answer {
        let result: Result<Answer, VaultError> = await withCheckedContinuation { continuation in
            submit(
                Job(emptiesJournal: emptiesJournal, afterwards: afterwards, body, finish: finish) {
                    continuation.resume(returning: $0)
                })
        }
        return try result.get()
    }

    /// Runs `body` in a transaction and waits. Blocking: for threads of one's own only.
    func runBlocking<Answer: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Answer
    ) throws(VaultError) -> Answer {
        let answer = BlockingAnswer<Answer>()
        submit(Job(body, finish: { found throws(VaultError) in found }) { answer.set($0) })
        return try answer.wait()
    }

    /// Puts a call in the queue; it answers by itself.
    func submit(_ job: Job) {
        switch queue.withLock({ $0.add(job) }) {
        case .wakeThread: work.signal()
        case .nothing: break
        case .refuse(let error): job.fail(error)
        }
    }

    /// Accepts nothing more, finishes what waits, closes the file. Does not wait.
    func close() {
        if queue.withLock({ $0.close() }) { work.signal() }
    }

    /// Closes and waits until the thread has ended, without blocking a cooperative thread.
    ///
    /// - Throws: what went wrong when the file was closed. Every answer given before is durable all the same.
    func end() async throws(VaultError) {
        close()
        await withCheckedContinuation { continuation in
            ended.notify(queue: .global()) { continuation.resume() }
        }
        if let failure = closingFailure.withLock(\.self) { throw failure }
    }

    /// Same, blocking: for threads of one's own only.
    func endBlocking() {
        close()
        ended.wait()
    }

    // MARK: - On the thread

    private func run(_ database: DatabaseQueue) {
        while true {
            switch queue.withLock({ $0.next() }) {
            case .sleep: work.wait()
            case .commit(let jobs): commit(jobs, to: database)
            case .end:
                customers.forget()
                do { try database.close() } catch {
                    closingFailure.withLock { $0 = VaultError(database: error, file: database.path) }
                }
                return
            }
        }
    }

    private func commit(_ jobs: [Job], to database: DatabaseQueue) {
        var completions: [Job.Completion] = []
        completions.reserveCapacity(jobs.count)
        do {
            try database.write { db in
                for job in jobs { completions.append(try job.stage(db)) }
            }
        } catch {
            customers.forget()
            fail(jobs, with: VaultError(database: error, file: database.path))
            return
        }
        batches.add(1, ordering: .relaxed)
        let failure = jobs.contains(where: \.emptiesJournal) ? emptyJournal(of: database) : nil
        let failures = jobs.map { job in
            var failed = job.emptiesJournal ? failure : nil
            if let afterwards = job.afterwards {
                do throws(VaultError) { try afterwards(database) } catch { failed = failed ?? error }
            }
            return failed
        }
        answer(completions, failures)
    }

    private func answer(_ completions: [Job.Completion], _ failures: [VaultError?]) {
        let together = together.withLock(\.self)
        for start in stride(from: 0, to: completions.count, by: Self.answersTogetherMax) {
            let end = min(start + Self.answersTogetherMax, completions.count)
            together {
                for (complete, failed) in zip(completions[start..<end], failures[start..<end]) { complete(failed) }
            }
        }
    }

    /// Moves the write-ahead log into the database, where deleted bytes were overwritten, and truncates it.
    private func emptyJournal(of database: DatabaseQueue) -> VaultError? {
        do {
            _ = try database.writeWithoutTransaction { try $0.checkpoint(.truncate) }
            return nil
        } catch {
            let cause = VaultError(database: error, file: database.path)
            return VaultError(
                cause.code,
                "the data is deleted, but the write-ahead log beside the vault still holds it: \(cause.message) Then ask"
                    + " again, or restart, which empties it too.", file: database.path, cause: error)
        }
    }

    /// Fails a batch that was rolled back; after an error that leaves the disk in doubt, everything else too.
    private func fail(_ jobs: [Job], with error: VaultError) {
        for job in jobs { job.fail(error) }
        guard error.endsTheVault else { return }
        let poison = VaultError(
            .poisoned, "an earlier write failed (\(error.message)) Restart the server to re-read the disk.",
            file: error.file, cause: error)
        for job in queue.withLock({ $0.poison(poison) }) { job.fail(poison) }
    }
}

/// An answer that one thread gives and another waits for.
private final class BlockingAnswer<Answer: Sendable>: Sendable {
    private let result = Mutex<Result<Answer, VaultError>>(
        .failure(VaultError(.closed, "the vault's thread ended without an answer.")))
    private let answered = DispatchSemaphore(value: 0)

    func set(_ result: Result<Answer, VaultError>) {
        self.result.withLock { $0 = result }
        answered.signal()
    }

    func wait() throws(VaultError) -> Answer {
        answered.wait()
        return try result.withLock(\.self).get()
    }
}
