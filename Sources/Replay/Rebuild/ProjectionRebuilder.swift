import EventStore
import Projections

/// Builds the projections anew from a log's own files.
struct ProjectionRebuilder {
    /// Events that go into one transaction, about.
    private static let eventsPerTransaction = 4096

    let directory: String

    /// How far it came.
    struct Outcome {
        /// Position of the projections and, when it went well, size of the log (or the limit asked for).
        var position: UInt64
        /// What is wrong with the log; nil when it is whole.
        var defect: String?
    }

    /// Applies the events before `limit` to `store`, verifying the whole log on the way.
    ///
    /// - Throws: ``AuditorError`` when the log cannot be read or the store not be written.
    func run(
        into store: ProjectionStore, limit: UInt64 = .max, progress: (ScanProgress) -> Void
    ) throws(AuditorError) -> Outcome {
        let scanner = LogScanner(directory: directory)
        var feed = Feed(store: store, limit: limit)
        do {
            var meter = try ScanProgress(scanner)
            let scan = try scanner.scanInParallel { batch in
                Self.read(batch)
            } visit: { batch, events in
                meter.add(batch.header)
                progress(meter)
                try feed.take(batch, events)
            }
            try feed.flush()
            return Outcome(position: store.position, defect: scan.damage?.description ?? feed.defect)
        } catch {
            return try Self.outcome(of: error, store: store, directory: directory)
        }
    }

    private static func read(_ batch: borrowing ScannedBatch) -> Result<[Envelope], EventLogError> {
        do throws(EventLogError) { return .success(try batch.envelopes()) } catch { return .failure(error) }
    }

    /// What the log did wrong is an outcome; what could not be read or written is an error.
    private static func outcome(
        of error: any Error, store: ProjectionStore, directory: String
    ) throws(AuditorError) -> Outcome {
        switch error {
        case let error as ProjectionError:
            guard error.code == .event || error.code == .gap else {
                throw AuditorError(.io, error.message, cause: error)
            }
            return Outcome(position: store.position, defect: "the log's events cannot be projected: \(error)")
        case let error as EventLogError: throw AuditorError(error)
        case let error as AuditorError: throw error
        default: throw AuditorError(.io, "the log cannot be read: \(error)", file: directory, cause: error)
        }
    }

    /// Gathers events and applies them in large transactions.
    private struct Feed {
        let store: ProjectionStore
        let limit: UInt64
        var defect: String?
        private var pending: [Envelope] = []

        init(store: ProjectionStore, limit: UInt64) {
            self.store = store
            self.limit = limit
        }

        mutating func take(
            _ batch: VerifiedBatch, _ events: Result<[Envelope], EventLogError>
        ) throws(ProjectionError) {
            guard defect == nil, batch.header.firstSequence < limit else { return }
            switch events {
            case .success(let events): pending.append(contentsOf: events.prefix { $0.sequence < limit })
            case .failure(let error): defect = error.message
            }
            if pending.count >= eventsPerTransaction || defect != nil { try flush() }
        }

        mutating func flush() throws(ProjectionError) {
            try store.apply(pending)
            pending.removeAll(keepingCapacity: true)
        }
    }
}
