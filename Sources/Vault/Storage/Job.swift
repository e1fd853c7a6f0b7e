import GRDB

/// One call that waits for the vault's thread: a part inside the transaction, a part after the commit.
struct Job: Sendable {
    /// Runs after the commit and answers the caller: with the result, or with what failed after the commit.
    typealias Completion = @Sendable (_ failedAfterwards: VaultError?) -> Void

    /// Whether the write-ahead log must be emptied after the commit, so that no file holds what was deleted.
    let emptiesJournal: Bool
    /// Runs after the commit and before the answer, outside any transaction.
    let afterwards: (@Sendable (DatabaseQueue) throws(VaultError) -> Void)?
    /// Runs inside the batch's transaction. Errors of SQLite end the whole batch, the vault's own concern this call
    /// alone: then it must have written nothing.
    let stage: @Sendable (Database) throws -> Completion
    /// Answers the caller instead, when the batch did not become durable.
    let fail: @Sendable (VaultError) -> Void

    /// - Parameters:
    ///   - emptiesJournal: whether something was erased.
    ///   - afterwards: what no transaction allows, such as copying the whole file.
    ///   - body: reads and writes within the transaction.
    ///   - finish: turns what `body` found into the answer, after the commit, in the order of the calls.
    ///   - answer: called exactly once.
    init<Found: Sendable, Answer: Sendable>(
        emptiesJournal: Bool = false,
        afterwards: (@Sendable (DatabaseQueue) throws(VaultError) -> Void)? = nil,
        _ body: @escaping @Sendable (Database) throws -> Found,
        finish: @escaping @Sendable (Found) throws(VaultError) -> Answer,
        answer: @escaping @Sendable (Result<Answer, VaultError>) -> Void
    ) {
        self.emptiesJournal = emptiesJournal
        self.afterwards = afterwards
        stage = { db in
            let found: Result<Found, VaultError>
            do { found = .success(try body(db)) } catch let error as VaultError { found = .failure(error) }
            return { failedAfterwards in
                let result = Result { () throws(VaultError) in try finish(try found.get()) }
                answer(failedAfterwards.map { .failure($0) } ?? result)
            }
        }
        fail = { answer(.failure($0)) }
    }
}
