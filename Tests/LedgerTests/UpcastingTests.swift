import Proofs
import CanonicalJSON
import EventStore
import Ledger
import LedgerFixtures
import Testing

@Suite struct UpcastingTests {
    /// Version 1 had `n`; 2 calls it `count`; 3 has a unit.
    private let upcasters = Upcasters([
        Upcaster(type: "thing", version: 1) { data in
            var next = data
            next["n"] = nil
            next["count"] = data["n"]
            return next
        },
        Upcaster(type: "thing", version: 2) { data in
            var next = data
            next["unit"] = "bytes"
            return next
        },
    ])

    @Test("An old event is read through every step between its version and today's")
    func chain() throws {
        let old = World.object(["n": 5])
        let today = try upcasters.upcast(old, of: "thing", from: 1, to: 3)
        #expect(today == World.object(["count": 5, "unit": "bytes"]))
        #expect(try upcasters.upcast(today, of: "thing", from: 3, to: 3) == today)
    }

    @Test("A version from the future is refused instead of being guessed at")
    func future() {
        #expect(throws: PayloadError("v", .newerVersion)) {
            try upcasters.upcast(JSONObject(), of: "thing", from: 4, to: 3)
        }
        let draft = EventDraft(
            id: "e", at: World.start, actor: "system", stream: "s", trace: "t", type: KeyRevoked.type, version: 2,
            data: JSONObject())
        #expect(throws: PayloadError("v", .newerVersion)) { try LedgerEvent(draft) }
    }

    @Test("A version without a way to today's is refused")
    func missingStep() {
        #expect(throws: PayloadError("v", .notAllowed)) {
            try upcasters.upcast(JSONObject(), of: "other", from: 1, to: 2)
        }
    }
}
