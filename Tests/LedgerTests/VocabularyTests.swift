import Proofs
import EventStore
import Ledger
import LedgerFixtures
import Testing

@Suite struct VocabularyTests {
    @Test("An identifier reads back exactly, and nothing else reads as one")
    func identifiers() throws {
        let text = "sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06"
        let id = try #require(SessionID(text))
        #expect(id.text == text)
        #expect(id.high == 0xa8f3_e71c_4b2d_9f06)
        #expect(CustomerID(high: 0, low: 1).text == "cust_00000000000000000000000000000001")
        for wrong in [
            "", "sess_", text + "0", String(text.dropLast()), text.uppercased(), "cust_" + text.dropFirst(5),
            "sess_g8f3e71c4b2d9f06a8f3e71c4b2d9f06", "sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f0é",
        ] { #expect(SessionID(wrong) == nil, "\(wrong)") }
    }

    @Test("Exactly the lower-case hex digits are digits of an identifier, at every place")
    func identifierDigits() {
        let text = Array("sess_a8f3e71c4b2d9f06a8f3e71c4b2d9f06".utf8)
        for place in 5..<text.count {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[place] = byte
                let id = changed.withUnsafeBufferPointer { SessionID(utf8: $0) }
                let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
                #expect(id.map { Array($0.text.utf8) } == (isDigit ? changed : nil), "\(byte) at \(place)")
            }
        }
    }

    @Test("A verification key is named after the second of destruction and the session")
    func verificationKeyIDs() throws {
        let session = try #require(SessionID("sess_08f3e71c4b2d9f06a8f3e71c4b2d9f06"))
        let id = VerificationKeyID(session: session, destroyedAt: World.time("2026-03-01T14:30:00.999999Z"))
        #expect(id.text == "nrx-verify-20260301T143000Z-08f3e71c")
        #expect(VerificationKeyID(id.text) == id)
        for wrong in [
            "nrx-verify-20260301T143000Z-08F3E71C", "nrx-verify-20260230T143000Z-08f3e71c",
            "nrx-verify-20260301T143000Z-+8f3e71c", "nrx-verify-20260301-143000Z-08f3e71c", "nrx-verify-",
            "nrx-verify-20260301T143000Z_08f3e71c", "nrx-verify-2026 301T143000Z-08f3e71c",
        ] { #expect(VerificationKeyID(wrong) == nil, "\(wrong)") }
    }

    @Test("Permissions and their names are one to one; an unknown name is none")
    func permissions() {
        #expect(Permissions(names: Permissions.full.names) == .full)
        #expect(Permissions.vocabulary.count == Set(Permissions.vocabulary.map(\.permission.rawValue)).count)
        #expect(Permissions(names: ["sessions:read", "root"]) == nil)
        #expect(Permissions.execute.isSuperset(of: .read))
        #expect(!Permissions.execute.contains(.keysWrite) && !Permissions.execute.contains(.accountWrite))
        #expect(Permissions.read.isDisjoint(with: [.sessionsExec, .sessionsWrite, .filesWrite, .keysWrite]))
    }

    @Test("The plan table is the one of docs/api.md")
    func plans() {
        let plans = Tier.allCases.map(Plan.of)
        #expect(plans.map(\.requestsPerMinute) == [60, 120, 300, nil])
        #expect(plans.map(\.nanoTermRequestsPerMinute) == [60, 600, 3_000, nil])
        #expect(plans.map(\.nandaRequestsPerMonth) == [1_000, 10_000, 10_000, 100_000])
        #expect(plans.map(\.concurrentSessions) == [3, 20, 100, nil])
        #expect(plans.map(\.timeToLiveSecondsMax) == [300, 600, 1_800, nil])
        #expect(plans.map(\.proofsPerMonth) == [100, nil, nil, nil])
        #expect(plans.map { $0.activeKeysMax(of: .nanda) } == [5, 25, 25, nil])
        #expect(plans.map { $0.activeKeysMax(of: .nexora) } == [20, 20, 20, 20])
        #expect(plans.map { $0.requestsPerMonth(of: .nanorixLive) } == [nil, nil, nil, nil])
        #expect(plans.map { $0.requestsPerMinute(of: .nanda) } == [nil, nil, nil, nil])
        #expect(plans.allSatisfy { $0.workspaceBytes < $0.memoryBytes })
    }

    @Test(
        "A billing cycle is a calendar month in UTC",
        arguments: [
            ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            ("2026-02-28T23:59:59.999999Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ])
    func cycles(time: String, start: String, end: String) {
        let cycle = BillingCycle(holding: World.time(time))
        #expect(cycle.start == World.time(start))
        #expect(cycle.end == World.time(end))
    }

    @Test("A billing cycle never goes back with a stepped clock")
    func cycleStepsBack() {
        let april = BillingCycle(holding: World.time("2026-04-01T00:00:00Z"))
        #expect(april.advanced(to: World.time("2026-03-31T23:59:59Z")) == april)
        #expect(april.advanced(to: World.time("2026-05-01T00:00:00Z")).text == "2026-05")
    }

    @Test("A key's prefix says whether it is for real work")
    func prefixes() {
        for prefix in KeyPrefix.allCases {
            #expect(prefix.environment == (prefix.rawValue.contains("test") ? .test : .live))
        }
    }
}
