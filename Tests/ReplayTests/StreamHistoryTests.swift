import CanonicalJSON
import EventStore
import Foundation
import Ledger
import Testing

@testable import Replay

@Suite("Showing and exporting events")
struct StreamHistoryTests {
    @Test("a session's history is its events in order and nobody else's")
    func session() async throws {
        let log = try await TestLog.make()
        let history = try StreamHistory(of: log.sessions[0].text, in: log.path)
        #expect(
            history.events.map(\.event.type) == [
                "session.created", "session.executing", "session.executed", "verification_key.published",
                "session.destroyed", "proof.issued",
            ])
        #expect(history.status == .verified)
        #expect(history.output.text.split(separator: "\n").count == 6)
        #expect(history.output.json["events"]?.array?.count == 6)
    }

    @Test("a customer, an API key and a verification key have histories too")
    func others() async throws {
        let log = try await TestLog.make()
        let session = try StreamHistory(of: log.sessions[0].text, in: log.path)
        let creation = try #require(session.events.first)
        let customer = try #require(creation.event.data["customer_id"]?.string)
        #expect(
            try StreamHistory(of: customer, in: log.path).events.map(\.event.type) == [
                "customer.created", "key.issued",
            ])
        let key = try StreamHistory(of: creation.event.actor, in: log.path)
        #expect(key.events.first?.event.type == "key.issued")
        #expect(key.events.count > 3)
        let name = try #require(session.events[3].event.data["key_id"]?.string)
        #expect(
            try StreamHistory(of: name, in: log.path).events.map(\.event.type) == [
                "verification_key.published", "proof.issued",
            ])
    }

    @Test("what the log does not hold is said, and what is no id cannot be asked for")
    func unknown() async throws {
        let log = try await TestLog.make()
        #expect(try StreamHistory(of: "sess_" + String(repeating: "0", count: 32), in: log.path).status == .failed)
        #expect(throws: AuditorError.self) { try StreamHistory(of: "sess_1", in: log.path) }
    }

    @Test("an export is what the stock tool prints, byte for byte")
    func export() async throws {
        let log = try await TestLog.make(segmentBytes: 8192)
        var bytes: [UInt8] = []
        let result = try EventExport(EventSelection()).run(log.path) { bytes += $0 }
        #expect(result.defect == nil)
        let stock = try Shell.run("cat \(log.path)/*.jsonl.lz4 | lz4 -dc")
        #expect(stock.output == bytes)
        #expect(result.events == bytes.count { $0 == 0x0A })
    }

    @Test("an export keeps to its type, stream and range")
    func filters() async throws {
        let log = try await TestLog.make()
        func events(_ selection: EventSelection) throws -> [Envelope] {
            var envelopes: [Envelope] = []
            _ = try EventExport(selection).run(log.path) { line in
                if let envelope = try? Envelope(bytes: Array(line.dropLast())) { envelopes.append(envelope) }
            }
            return envelopes
        }
        #expect(try events(EventSelection(type: "proof.issued")).count == 2)
        #expect(try events(EventSelection(from: 2, to: 4)).map(\.sequence) == [2, 3, 4])
        let one = try events(EventSelection(type: "session.created", stream: log.sessions[1].text))
        #expect(one.map(\.event.stream) == [log.sessions[1].text])
    }
}
