import Ledger
import Logging
import Projections

/// Where refused API keys are noted: a line in the server's log for each, and in the ledger, for the key's owner, at most
/// one event a day for each key and reason. Neither holds the key.
struct KeyRefusals: Sendable {
    let ledger: LedgerService
    let logger: Logger

    /// Notes that a request was refused. Does not wait for the disk.
    ///
    /// - Parameter key: the key that was presented, when it is known.
    func note(_ reason: KeyRefusal, of key: KeyEntry?, trace: String) {
        var metadata: Logger.Metadata = ["reason": .string(reason.rawValue), "trace": .string(trace)]
        if let key {
            metadata["key_id"] = .string(key.id.text)
            metadata["customer_id"] = .string(key.customerID.text)
        }
        logger.notice("API key refused", metadata: metadata)
        guard let key else { return }
        let now = ledger.now()
        guard ledger.read({ $0.key(key.id).map { !$0.hasRecordedRefusal(reason, at: now) } ?? false }) else { return }
        let command = Command.recordKeyRefusal(RecordKeyRefusal(keyID: key.id, reason: reason))
        do throws(APIError) {
            _ = try ledger.submit(command, as: .system, trace: trace)
        } catch {
            // Another request recorded the same meanwhile, or the log cannot write, which the health check reports.
            logger.debug("refusal not recorded", metadata: ["trace": .string(trace), "error": .string(error.message)])
        }
    }
}
