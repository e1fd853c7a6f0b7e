import EventStore
import Projections

/// Builds the projections anew from a log's own files.
struct ProjectionRebuilder {
    let directory: String

    /// How far it came.
    struct Outcome {
        /// Position of the projections and, when it went well, size of the log (or the limit asked for).
        var position: UInt64
        /// What is wrong with the log; nil when it is whole.
        var defect: String?
    }

    /// Applies the events before `limit` with `builder`, verifying the whole log on the way. Events are read on all cores,
    /// and applied on the caller's thread.
    ///
    /// - Throws: ``AuditorError`` when the log cannot be read or the file not be written.
    func run(
        with builder: ProjectionBuilder, limit: UInt64 = .max, progress: (ScanProgress) -> Void
    ) throws(AuditorError) -> Outcome {
        let scanner = LogScanner(directory: directory)
        var feed = Feed(builder: builder, limit: limit)
        do {
            var meter = try ScanProgress(scanner)
            let scan = try scanner.scanInParallel { batch in
                Self.read(batch)
            } visit: { batch, events in
                meter.add(batch.header)
                progress(meter)
                try feed.take(batch, events)
            }
            return Outcome(position: builder.position, defect: scan.damage?.description ?? feed.defect)
        } catch {
            return try Self.outcome(of: error, position: feed.position, directory: directory)
        }
    }

    private static func read(_ batch: borrowing ScannedBatch) -> Result<[OpenedEnvelope], any Error> {
        do { return .success(try OpenedEnvelope.all(of: batch)) } catch { return .failure(error) }
    }

    /// What the log did wrong is an outcome; what could not be read or written is an error.
    private static func outcome(
        of error: any Error, position: UInt64, directory: String
    ) throws(AuditorError) -> Outcome {
        switch error {
        case let error as ProjectionError:
            guard error.code == .event || error.code == .gap else {
                throw AuditorError(.io, error.message, cause: error)
            }
            return Outcome(position: position, defect: "the log's events cannot be projected: \(error)")
        case let error as EventLogError: throw AuditorError(error)
        case let error as AuditorError: throw error
        default: throw AuditorError(.io, "the log cannot be read: \(error)", file: directory, cause: error)
        }
    }

    /// Hands events on until something is wrong with the log.
    private struct Feed {
        let builder: ProjectionBuilder
        let limit: UInt64
        var defect: String?
        /// The event that comes next; also when the builder has failed.
        var position: UInt64 = 0

        init(builder: ProjectionBuilder, limit: UInt64) {
            self.builder = builder
            self.limit = limit
        }

        mutating func take(_ batch: VerifiedBatch, _ events: Result<[OpenedEnvelope], any Error>) throws {
            guard defect == nil, batch.header.firstSequence < limit else { return }
            do {
                let events = try events.get()
                let isWhole = batch.header.sequences.upperBound < limit
                try builder.apply(isWhole ? events : events.filter { $0.sequence < limit })
                position = builder.position
            } catch let error as EventLogError { defect = error.message }
        }
    }
}
