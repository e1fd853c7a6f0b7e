import CLinux
import CanonicalJSON
import EventStore

/// Which events of a log are wanted, and their lines.
///
/// Lines that cannot match are passed over without being read as JSON.
public struct EventSelection: Sendable {
    /// Only this type, for example `session.created`.
    public var type: String?
    /// Only this stream: a session, a customer or `log`.
    public var stream: String?
    /// Only events that speak of this key: an API key (`key_…`) or a verification key (`nrx-verify-…`).
    public var key: String?
    /// Sequence of the first event wanted.
    public var from: UInt64 = 0
    /// Sequence of the last event wanted.
    public var to: UInt64 = .max

    public init(
        type: String? = nil, stream: String? = nil, key: String? = nil, from: UInt64 = 0, to: UInt64 = .max
    ) {
        self.type = type
        self.stream = stream
        self.key = key
        self.from = from
        self.to = to
    }

    /// Whether every event in the range is wanted.
    private var isUnfiltered: Bool { type == nil && stream == nil && key == nil }

    /// One chosen event.
    struct Line: Sendable {
        let sequence: UInt64
        /// Without the newline.
        let bytes: [UInt8]
        /// nil where nobody had to read it.
        let envelope: Envelope?
    }

    /// Chosen lines of a batch, up to the first that cannot be read.
    struct Lines: Sendable {
        var chosen: [Line] = []
        var failure: (sequence: UInt64, error: EnvelopeError)?
    }

    /// Chooses from `batch`.
    func lines(of batch: borrowing ScannedBatch) -> Lines {
        var result = Lines()
        var iterator = LineIterator(text: batch.text)
        var sequence = batch.header.firstSequence
        while let line = iterator.next() {
            defer { sequence += 1 }
            guard sequence >= from, sequence <= to, isUnfiltered || mayMatch(line) else { continue }
            guard !isUnfiltered else {
                result.chosen.append(Line(sequence: sequence, bytes: Array(line), envelope: nil))
                continue
            }
            do throws(EnvelopeError) {
                let envelope = try Envelope(line: line.bindMemory(to: UInt8.self))
                if matches(envelope) {
                    result.chosen.append(Line(sequence: sequence, bytes: Array(line), envelope: envelope))
                }
            } catch {
                result.failure = (sequence, error)
                return result
            }
        }
        return result
    }

    private func mayMatch(_ line: UnsafeRawBufferPointer) -> Bool {
        [type, stream, key].allSatisfy { text in text.map { line.contains(text: $0) } ?? true }
    }

    private func matches(_ envelope: Envelope) -> Bool {
        let event = envelope.event
        let data = event.data
        return (type ?? event.type) == event.type && (stream ?? event.stream) == event.stream
            && (key == nil || event.actor == key || data["key_id"]?.string == key)
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes of `text` stand somewhere in this memory.
    func contains(text: String) -> Bool {
        var text = text
        return text.withUTF8 { needle in
            guard let base = baseAddress, let start = needle.baseAddress, needle.count > 0 else {
                return needle.isEmpty
            }
            return nrx_find(base, count, start, needle.count) != nil
        }
    }
}

extension LogScanner {
    /// Verifies the whole log and hands over the chosen events in order.
    ///
    /// - Returns: what is wrong with the log, or nil.
    func select(
        _ selection: EventSelection, progress: (ScanProgress) -> Void,
        visit: (EventSelection.Line) throws(AuditorError) -> Void
    ) throws(AuditorError) -> String? {
        do {
            var meter = try ScanProgress(self)
            var defect: String?
            let scan = try scanInParallel {
                selection.lines(of: $0)
            } visit: { batch, lines in
                for line in lines.chosen { try visit(line) }
                if let failure = lines.failure, defect == nil {
                    defect = "event \(failure.sequence) is not readable: \(failure.error)"
                }
                meter.add(batch.header)
                progress(meter)
            }
            return scan.damage?.description ?? defect
        } catch let error as AuditorError {
            throw error
        } catch let error as EventLogError {
            throw AuditorError(error)
        } catch {
            throw AuditorError(.io, "the log cannot be read: \(error)", file: directory, cause: error)
        }
    }
}
