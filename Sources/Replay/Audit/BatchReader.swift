import CanonicalJSON
import EventStore
import Ledger
import Proofs

/// What a worker made of one batch: its events, strictly read, and a verdict on every proof among them.
struct BatchContent: Sendable {
    var events: [Envelope] = []
    /// By the position of the proof's event in `events`.
    var proofs: [Int: ProofReading] = [:]
    /// The first line that is not an event in its place.
    var failure: EventLogError?
}

/// A proof that stands in the log, checked as a document.
struct ProofReading: Sendable {
    /// Why it does not verify; empty when it does.
    let failures: [String]
    let layersMissing: [String]
    /// Step 7; nil when it cannot be read.
    let logHead: LogHead?
}

/// Reads batches on the workers' threads: everything that needs no knowledge of what came before.
struct BatchReader: Sendable {
    let bytesOnly: Bool

    func read(_ batch: borrowing ScannedBatch) -> BatchContent {
        var content = BatchContent()
        // Of the bytes alone, only those events are of interest that name the log's keys.
        guard !bytesOnly || batch.header.firstSequence == 0 || Self.mayRotateKey(batch.text) else { return content }
        do throws(EventLogError) { content.events = try batch.envelopes() } catch {
            content.failure = error
            return content
        }
        guard !bytesOnly else { return content }
        for index in content.events.indices where content.events[index].event.type == ProofIssued.type {
            content.proofs[index] = Self.check(content.events[index].event.data["cdp"])
        }
        return content
    }

    /// Whether a rotation may stand somewhere in a batch. Looks at the end of each line alone, since this is done for every
    /// event of the log.
    private static func mayRotateKey(_ text: UnsafeRawBufferPointer) -> Bool {
        var lines = LineIterator(text: text)
        while let line = lines.next() {
            if LogKeyRotation.mayBeCarried(by: line) { return true }
        }
        return false
    }

    /// Layers that an operator allowed to be missing are compared with the session's events later.
    private static func check(_ document: JSONValue?) -> ProofReading {
        guard let document else {
            return ProofReading(failures: ["the event holds no proof"], layersMissing: [], logHead: nil)
        }
        do throws(ProofError) {
            let verification = try ProofVerifier(acceptsMissingLayers: true).verify(document)
            return ProofReading(
                failures: verification.failures.map { "\($0.check.rawValue): \($0.message)" },
                layersMissing: verification.layersMissing, logHead: verification.claims?.logHead)
        } catch {
            return ProofReading(failures: [error.message], layersMissing: [], logHead: nil)
        }
    }
}
