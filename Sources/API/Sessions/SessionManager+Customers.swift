import CanonicalJSON
import Ledger
import Proofs

extension SessionManager {
    /// Ends every session of a customer, live and test, with its proof.
    ///
    /// - Returns: the proofs; a session that did not measure clean is recorded as such and has none.
    /// - Throws: `unavailable` when a session does not come to its end.
    func endAll(of customer: CustomerID, trace: String) async throws(APIError) -> [JSONValue] {
        var proofs: [JSONValue] = []
        let deadline = ContinuousClock.now.advanced(by: Self.endingDurationMax)
        while true {
            let ids = ledger.read { state in
                state.liveSessions.filter { $0.customerID == customer }.map(\.id)
            }
            if ids.isEmpty { return proofs }
            guard ContinuousClock.now < deadline else {
                throw APIError(
                    .unavailable, "A session of this account does not end. Nothing was erased; try again later.",
                    retryAfterSeconds: 30)
            }
            proofs += await end(ids, trace: trace)
            // One whose environment is still being made takes some milliseconds more.
            do { try await Task.sleep(for: .milliseconds(5)) } catch {
                throw APIError(.unavailable, "The request was given up. Nothing was erased; try again.")
            }
        }
    }

    private static let endingDurationMax = Duration.seconds(60)

    private func end(_ ids: [SessionID], trace: String) async -> [JSONValue] {
        await withTaskGroup(of: JSONValue?.self) { group in
            for id in ids {
                group.addTask {
                    // A failure is in the server's log and, as an unclean end, in the ledger's.
                    guard case .success(let answer) = await self.end(id, trigger: .api, as: .system, trace: trace)
                    else { return nil }
                    do { return try JSONReader.read(answer.body)["cdp"] } catch { return nil }
                }
            }
            return await group.reduce(into: []) { proofs, proof in if let proof { proofs.append(proof) } }
        }
    }
}
