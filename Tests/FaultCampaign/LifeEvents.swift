import CanonicalJSON

@testable import EventStore

/// The events that lives write: numbered, so that the model of a log is a list of numbers.
enum LifeEvents {
    /// The clock of every life: it stands still but for the events' numbers.
    static let start = Timestamp(microseconds: 1_772_373_600_000_000)

    static func draft(_ number: Int, padding: Int, using generator: inout SeededGenerator) -> EventDraft {
        var data = JSONObject()
        data["n"] = .integer(Int64(number))
        if padding > 0 {
            // Does not compress well, so that batches span sectors.
            var noise = ""
            for _ in 0..<padding { noise.unicodeScalars.append(Unicode.Scalar(UInt8(97 + generator.next() % 26))) }
            data["padding"] = .string(noise)
        }
        let id = String(number, radix: 16)
        return EventDraft(
            id: "evt_" + String(repeating: "0", count: 32 - id.count) + id,
            at: start.adding(microseconds: Int64(number)), actor: "system", stream: "sess_test", trace: "req_0",
            type: "usage.tick", version: 1, data: data)
    }

    /// The numbers that events carry; log.created, with which every log begins, carries none.
    static func numbers(of envelopes: [Envelope]) -> [Int] {
        envelopes.filter { $0.event.type != FirstEvent.type }.map { $0.event.data["n"]?.integer.map(Int.init) ?? -1 }
    }

    /// A log as it was opened, with its first event when it had none.
    static func begun(
        _ opened: LogOpener.OpenedLog, key: VerifierKey
    ) throws(EventLogError) -> LogOpener.OpenedLog {
        guard opened.head.size == 0 else { return opened }
        return try opened.appendingFirst(
            FirstEvent.draft(key: key, id: "evt_" + String(repeating: "f", count: 32), at: start))
    }
}
