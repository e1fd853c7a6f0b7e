import EventStore
import Foundation

/// Bytes that an event takes on disk, as it was committed and after its segment was recompressed.
enum StorageBenchmark {
    /// - Parameter sessions: sessions in each log, from their creation to their proof.
    static func rows(in directory: String, sessions: Int) async throws -> [Table.Row] {
        try await [(1, "one at a time"), (32, "32 at once")].asyncMap { atOnce, name in
            try await row(in: "\(directory)-\(atOnce)", sessions: sessions, atOnce: atOnce, name: name)
        }
    }

    private static func row(in directory: String, sessions: Int, atOnce: Int, name: String) async throws -> Table.Row {
        var configuration = EventLogConfiguration()
        configuration.segmentBytes = 1 << 20
        configuration.recompressionBytesPerSecondMax = 1 << 30
        let signer = try BenchmarkSigner()
        let log = try EventLog.open(
            directory: directory, signer: signer, keeper: signer, configuration: configuration,
            clock: SystemClock.now, newEventID: { SampleEvents.newEventID() })
        let history = try await SampleHistory(log: log)
        try await history.writeSessions(sessions, atOnce: atOnce)
        // The last segment is live and stays as it is; the others are waited for.
        let segments = try LogScanner(directory: directory).segments()
        while log.recompression.segments < segments.count - 1 {
            if let failure = log.recompression.failure { throw failure }
            try await Task.sleep(for: .milliseconds(10))
        }
        let report = log.recompression
        let events = Double(segments.last?.firstSequence ?? 0)
        try await log.close()
        guard events > 0 else { throw BenchmarkError("too few events to seal a segment") }
        let (before, after) = (Double(report.storedBytesBefore), Double(report.storedBytes))
        let text = String(format: "%.0f", Double(report.textBytes) / events)
        return Table.Row(
            name: "bytes per event, sessions \(name) (\(text) of text)",
            ours: String(format: "%.0f recompressed", after / events), peer: "as committed",
            theirs: String(format: "%.0f", before / events), ratio: after / before)
    }
}

extension Sequence {
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var results: [T] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
