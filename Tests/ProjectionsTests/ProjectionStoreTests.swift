import CanonicalJSON
import EventStore
import Foundation
import GRDB
import Ledger
import LedgerFixtures
import Merkle
import Proofs
@testable import Projections
import Testing

@Suite struct ProjectionStoreTests {
    private let directory = try? TemporaryDirectory()

    private func store(_ name: String = "projections.sqlite") throws -> ProjectionStore {
        try ProjectionStore(path: try #require(directory).file(name))
    }

    private func batches(_ log: [Envelope], of size: Int) -> [[Envelope]] {
        stride(from: 0, to: log.count, by: size).map { Array(log[$0..<min($0 + size, log.count)]) }
    }

    @Test("Whatever the batches are, the same log gives the same rows", arguments: [1, 2, 7, 100])
    func batchSizes(size: Int) throws {
        let log = Player.log(seed: 11, steps: 2_500)
        let whole = try store("whole.sqlite")
        try whole.apply(log)
        let parts = try store("parts.sqlite")
        for batch in batches(log, of: size) { try parts.apply(batch) }
        #expect(try parts.digest() == whole.digest())
        #expect(try parts.differences(from: whole).isEmpty)
        #expect(parts.position == UInt64(log.count))
    }

    @Test(
        "Whether what an event says is known from its decision or read, the same rows", arguments: [31, 32] as [UInt64])
    func decided(seed: UInt64) throws {
        var player = Player(seed: seed)
        for _ in 0..<4_000 { try? player.step() }
        let (log, decided) = (player.world.log, player.world.decided)
        try #require(decided.count == log.count)
        let read = try store("read.sqlite")
        for batch in batches(log, of: 50) { try read.apply(batch) }
        let known = try store("known.sqlite")
        for batch in batches(log, of: 50) { try known.apply(batch) { decided[Int($0)] } }
        let some = try store("some.sqlite")
        for batch in batches(log, of: 9) {
            try some.apply(batch) { $0.isMultiple(of: 3) ? decided[Int($0)] : nil }
        }
        #expect(try known.digest() == read.digest())
        #expect(try some.digest() == read.digest())
        #expect(try known.differences(from: read).isEmpty)
    }

    @Test("What an event says is not read where it is known")
    func notReadAgain() throws {
        var world = World()
        let (customer, _) = try world.signUp(tier: .free)
        let store = try store()
        try store.apply(world.log) { sequence in
            guard case .customerCreated(var created) = world.decided[Int(sequence)] else { return nil }
            created.tier = .business
            return .customerCreated(created)
        }
        #expect(try store.customer(customer)?.tier == .business)
    }

    @Test("A customer is there when its batch is, not before, and never twice")
    func customers() throws {
        var world = World()
        let (first, _) = try world.signUp()
        let (second, _) = try world.signUp()
        let store = try store()
        let end = try #require(world.log.firstIndex { $0.event.stream == second.text })
        let broken = Envelope(sequence: UInt64(world.log.count) + 7, event: world.log[end].event)
        #expect(throws: ProjectionError.self) { try store.apply(world.log + [broken]) }
        #expect(try store.customer(first) == nil && store.customers(limit: 9).rows.isEmpty)
        try store.apply(Array(world.log[..<end]))
        #expect(try store.customer(first) != nil)
        #expect(try store.customer(second) == nil)
        try store.apply(Array(world.log[end...]))
        #expect(try store.customers(after: second, limit: 9).rows.map(\.id) == [first])
        let again = Envelope(sequence: UInt64(world.log.count), event: world.log[end].event)
        let refused = #expect(throws: ProjectionError.self) { try store.apply([again]) }
        #expect(refused?.code == .event)
        #expect(try store.customers(limit: 9).rows.map(\.id) == [second, first])
    }

    @Test("Deleted and rebuilt from the same events, it is the same to the last row")
    func rebuilt() throws {
        let log = Player.log(seed: 12, steps: 6_000)
        let path = try #require(directory).file()
        let first = try ProjectionStore(path: path)
        for batch in batches(log, of: 50) { try first.apply(batch) }
        let digest = try first.digest()
        try first.close()
        try FileManager.default.removeItem(atPath: path)
        let second = try ProjectionStore(path: path)
        #expect(second.opening == .created && second.position == 0)
        try second.apply(log)
        #expect(try second.digest() == digest)
        // What the player does not play: members and backups have tests of their own, and credentials need a signature.
        let empty = digest.tables.filter { $0.rows == 0 }.map(\.name)
        #expect(Set(empty).isSubset(of: ["members", "invitations", "agent_facts", "backups"]), "\(empty)")
    }

    @Test("Reopened at any place of the log, it goes on as if it had never stopped", arguments: [1, 40, 333])
    func reopened(size: Int) throws {
        let log = Player.log(seed: 13, steps: 1_000)
        let whole = try store("whole.sqlite")
        try whole.apply(log)
        let path = try #require(directory).file()
        for batch in batches(log, of: size).prefix(40) {
            let store = try ProjectionStore(path: path)
            #expect(store.position == batch[0].sequence)
            try store.apply(batch)
            try store.close()
        }
        let last = try ProjectionStore(path: path)
        try last.apply(Array(log[Int(last.position)...]))
        #expect(try last.digest() == whole.digest())
        #expect(last.opening == .continued)
    }

    @Test("A gap, a repeat or an event that cannot be placed leaves nothing of its batch behind")
    func refusedBatches() throws {
        let log = Player.log(seed: 14, steps: 2_000)
        let store = try store()
        try store.apply(Array(log[..<100]))
        let digest = try store.digest()
        let keys = store.keys.count
        let orphan = EventDraft(
            id: "evt_1", at: log[120].event.at, actor: "system", stream: SessionID(high: 1, low: 1).text, trace: "t",
            type: "session.executing", version: 1,
            data: SessionExecuting(execID: ExecID(high: 1, low: 2), inputBytes: 0, receiptSHA256: .zero).data)
        for (batch, code) in [
            (Array(log[101...110]), ProjectionError.Code.gap), (Array(log[99...110]), .gap),
            (Array(log[100...110]) + [log[112]], .gap),
            (Array(log[100..<120]) + [Envelope(sequence: 120, event: orphan)], .event),
        ] {
            let error = #expect(throws: ProjectionError.self) { try store.apply(batch) }
            #expect(error?.code == code)
            #expect(store.position == 100)
            #expect(try store.digest() == digest)
            #expect(store.keys.count == keys)
        }
        try store.apply(Array(log[100...]))
        let whole = try self.store("whole.sqlite")
        try whole.apply(log)
        #expect(try store.digest() == whole.digest())
    }

    @Test("A file that is damaged, of another version or somebody else's is never trusted: a new one takes its place")
    func untrusted() throws {
        let log = Player.log(seed: 15, steps: 600)
        let reference = try store("reference.sqlite")
        try reference.apply(log)
        let digest = try reference.digest()
        let harms: [(String, (String) throws -> Void)] = [
            ("version", { try Self.execute("PRAGMA user_version = 99", $0) }),
            ("application", { try Self.execute("PRAGMA application_id = 1", $0) }),
            ("schema", { try Self.execute("CREATE TABLE more (x)", $0) }),
            ("text", { try Data("not a database, but long enough to be looked at".utf8).write(to: URL(filePath: $0)) }),
            (
                "pages",
                { path in
                    var bytes = try Data(contentsOf: URL(filePath: path))
                    for offset in bytes.count / 2..<bytes.count / 2 + 8_192 { bytes[offset] = 0xA5 }
                    try bytes.write(to: URL(filePath: path))
                }
            ),
        ]
        for (name, harm) in harms {
            let path = try #require(directory).file(name + ".sqlite")
            let old = try ProjectionStore(path: path)
            try old.apply(log)
            try old.close()
            try harm(path)
            let new = try ProjectionStore(path: path)
            guard case .rebuilding = new.opening else {
                Issue.record("\(name): \(new.opening)")
                continue
            }
            #expect(new.position == 0 && new.keys.count == 0)
            try new.apply(log)
            try new.finishRebuild()
            #expect(try new.digest() == digest, "\(name)")
            let customer = try #require(log.first { $0.event.type == "customer.created" }).event.stream
            #expect(try new.customer(try #require(CustomerID(customer))) != nil)
            try new.close()
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: #require(directory).path)
                    .filter { $0.hasPrefix(name) } == [name + ".sqlite"])
            let again = try ProjectionStore(path: path)
            #expect(again.opening == .continued)
            #expect(try again.digest() == digest)
        }
    }

    @Test("A rebuild that was cut short begins again; the file it was to replace is still there until then")
    func rebuildCutShort() throws {
        let log = Player.log(seed: 16, steps: 1_000)
        let path = try #require(directory).file()
        let old = try ProjectionStore(path: path)
        try old.apply(log)
        try old.close()
        try Self.execute("PRAGMA user_version = 99", path)
        let cut = try ProjectionStore(path: path)
        try cut.apply(Array(log[..<50]))
        try cut.close()
        let again = try ProjectionStore(path: path)
        #expect(again.position == 0)
        guard case .rebuilding = again.opening else {
            Issue.record("\(again.opening)")
            return
        }
        try again.apply(log)
        try again.finishRebuild()
        try again.finishRebuild()
    }

    @Test("A changed row is found and named, with its table, key and column")
    func differences() throws {
        let log = Player.log(seed: 17, steps: 800)
        let first = try store("first.sqlite")
        try first.apply(log)
        let path = try #require(directory).file("second.sqlite")
        let second = try ProjectionStore(path: path)
        try second.apply(log)
        try second.close()
        let target = try Self.fetch("SELECT sequence FROM sessions ORDER BY sequence LIMIT 1 OFFSET 3", path)
        try Self.execute("UPDATE sessions SET exec_count = exec_count + 1 WHERE sequence = \(target)", path)
        let removed = try Self.fetch("SELECT sequence FROM verification_keys ORDER BY sequence LIMIT 1", path)
        try Self.execute("DELETE FROM verification_keys WHERE sequence = \(removed)", path)
        try Self.execute(
            "UPDATE usage SET requests = requests + 1 WHERE period = (SELECT min(period) FROM usage)", path)
        let tampered = try ProjectionStore(path: path)
        let found = try first.differences(from: tampered)
        #expect(
            found.first { $0.table == "sessions" }
                == ProjectionDifference(
                    table: "sessions", row: 3, key: "sequence=\(target)", kind: .differs(columns: ["exec_count"])))
        #expect(found.first { $0.table == "verification_keys" }?.kind == .onlyInFirst)
        #expect(found.filter { $0.table == "usage" }.allSatisfy { $0.kind == .differs(columns: ["requests"]) })
        #expect(Set(found.map(\.table)) == ["sessions", "verification_keys", "usage"])
        #expect(try first.digest().whole != tampered.digest().whole)
    }

    @Test("No sealed e-mail, secret hash or event id is in what feeds show")
    func feedsShowNoSecrets() throws {
        var world = World()
        let (customer, _) = try world.signUp()
        let store = try store()
        try store.apply(world.log)
        let shown = try store.feed(of: customer, in: .live, limit: 10).map(\.data).joined()
        #expect(shown.contains("jurisdiction") && shown.contains("display"))
        for secret in ["c2VhbGVk", "secret_sha256", "evt_"] { #expect(!shown.contains(secret)) }
    }

    @Test("Whatever happened, what feeds show has no member that is sealed, a secret's hash, or a document of its own")
    func nothingHiddenIsShown() throws {
        var types: Set<String> = []
        for envelope in Player.log(seed: 18, steps: 3_000) {
            let shown = try OpenedEnvelope(envelope).shown
            guard !shown.isEmpty else { continue }
            let names = try #require(try JSONReader.read(shown).object).names
            let hidden = names.filter { name in
                name.hasPrefix("sealed_") || ["secret_sha256", "token_sha256", "cdp", "credential"].contains(name)
            }
            #expect(hidden.isEmpty, "\(envelope.event.type)")
            types.insert(envelope.event.type)
        }
        #expect(types.isSuperset(of: ["customer.created", "key.issued", "session.created", "key.rotated"]))
    }

    private static func execute(_ sql: String, _ path: String) throws {
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    private static func fetch(_ sql: String, _ path: String) throws -> Int64 {
        let queue = try DatabaseQueue(path: path)
        return try queue.read { try Int64.fetchOne($0, sql: sql) } ?? -1
    }
}
