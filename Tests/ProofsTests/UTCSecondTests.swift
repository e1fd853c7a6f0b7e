import Proofs
import Testing

@Suite("Times in proofs")
struct UTCSecondTests {
    @Test(
        "are read in one form only",
        arguments: [
            "2026-03-01T14:30:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-02-29T00:00:00Z",
            "2000-02-29T12:00:00Z",
        ])
    func readsTheForm(text: String) throws {
        #expect(UTCSecond(text)?.text == text)
    }

    @Test(
        "are refused in any other form and when there is no such day or time",
        arguments: [
            "", "2026-03-01T14:30:00", "2026-03-01T14:30:00z", "2026-03-01t14:30:00Z", "2026-03-01 14:30:00Z",
            "2026-03-01T14:30:00.0Z", "2026-03-01T14:30:00+00:00", "2026-3-01T14:30:00Z", "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T23:59:60Z",
            "2026-03-01T14:30:0٠Z", "+026-03-01T14:30:00Z", "２026-03-01T14:30Z", "2026-03-01T14-30:00Z",
        ])
    func refusesOtherForms(text: String) {
        #expect(UTCSecond(text) == nil)
    }

    @Test("are ordered as time is, and shortened for key ids")
    func ordersAndShortens() throws {
        let texts = [
            "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T10:00:00Z",
            "2026-10-01T00:00:00Z",
        ]
        let times = texts.compactMap { UTCSecond($0) }
        #expect(times.count == 5 && times.shuffled().sorted() == times)
        #expect(times[0].compactText == "20251231T235959Z")
    }
}
