import EventStore
import Foundation
import Merkle
import Testing

@testable import Vault

@Suite("The log's key and its highest signed head")
struct LogTests {
    let temporary: TemporaryVault
    let other: TemporaryVault

    init() throws { (temporary, other) = (try TemporaryVault(), try TemporaryVault()) }

    private func head(_ size: UInt64, _ text: String = "root") -> TreeHead {
        TreeHead(size: size, root: Hash(of: Array(text.utf8)))
    }

    @Test("a signature verifies with the verifier key, by another library, and with no other key")
    func signature() async throws {
        let (vault, stranger) = (try temporary.open(), try other.open())
        for message in [[], Array("a message".utf8), [UInt8](repeating: 7, count: 100_000)] {
            let signature = try vault.sign(message)
            #expect(signature.count == 64)
            #expect(vault.verifierKey.verifies(signature, over: message))
            #expect(!vault.verifierKey.verifies(signature, over: message + [0]))
            #expect(!stranger.verifierKey.verifies(signature, over: message))
        }
        try await vault.close()
        try await stranger.close()
    }

    @Test("the highest head is nil at first, and survives reopening")
    func survives() async throws {
        try await temporary.withVault { vault async throws in
            #expect(try vault.highestSignedHead() == nil)
            try vault.recordSignedHead(head(7))
            try vault.recordSignedHead(head(8, "other"))
        }
        let highest = try await temporary.withVault { try $0.highestSignedHead() }
        #expect(highest == head(8, "other"))
    }

    @Test("a head never goes back, nor gets another root at its size")
    func neverBack() async throws {
        try await temporary.withVault { vault async throws in
            try vault.recordSignedHead(head(7))
            try vault.recordSignedHead(head(7))
            for wrong in [head(6), head(0), head(7, "another root")] {
                #expect(try await code { try vault.recordSignedHead(wrong) } == .rolledBack)
            }
            #expect(try vault.highestSignedHead() == head(7))
        }
    }

    @Test("of heads recorded concurrently the highest remains")
    func concurrent() async throws {
        try await temporary.withVault { vault async throws in
            await withTaskGroup { group in
                for size in (1...50).shuffled() {
                    group.addTask {
                        // Refused when a higher one came first; that is the rule under test.
                        _ = try? vault.recordSignedHead(head(UInt64(size)))
                    }
                }
            }
            #expect(try vault.highestSignedHead() == head(50))
        }
    }

    @Test("a size that SQLite cannot hold is refused, not wrapped around")
    func hugeSize() async throws {
        try await temporary.withVault { vault async throws in
            #expect(try await code { try vault.recordSignedHead(head(.max)) } == .invalidInput)
            try vault.recordSignedHead(head(UInt64(Int64.max)))
            #expect(try vault.highestSignedHead() == head(UInt64(Int64.max)))
        }
    }

    @Test("a log runs on the vault's key, and once signed its files cannot be lost unnoticed")
    func eventLog() async throws {
        let vault = try temporary.open()
        let clock: @Sendable () -> Timestamp = { Timestamp(microseconds: 1_772_000_000_000_000) }
        let identifier = "evt_" + String(repeating: "0", count: 32)
        var configuration = EventLogConfiguration()
        configuration.segmentBytes = 4096
        configuration.preparesSegmentsAhead = false
        func openLog(_ name: String) throws -> EventLog {
            try EventLog.open(
                directory: temporary.root + "/" + name, signer: vault, keeper: vault, configuration: configuration,
                clock: clock,
                newEventID: { identifier })
        }
        try await openLog("log").close()
        let note = try String(contentsOfFile: temporary.root + "/log/checkpoint", encoding: .utf8)
        let checkpoint = try Checkpoint(text: note)
        try checkpoint.verify(with: vault.verifierKey)
        #expect(checkpoint.origin == vault.origin)
        #expect(try vault.highestSignedHead() == checkpoint.head)
        try await openLog("log").close()
        #expect { _ = try openLog("emptied") } throws: { ($0 as? EventLogError)?.code == .rolledBack }
        try await vault.close()
    }
}
