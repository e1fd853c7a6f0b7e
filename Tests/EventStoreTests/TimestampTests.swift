import Testing

@testable import EventStore

@Suite("Times as text")
struct TimestampTests {
    @Test(
        "every field keeps its zeros, on both sides of 1970",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_772_373_600_123_456, "2026-03-01T14:00:00.123456Z"),
            (1_709_251_199_000_007, "2024-02-29T23:59:59.000007Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"),
        ])
    func fields(microseconds: Int64, text: String) {
        let time = Timestamp(microseconds: microseconds)
        #expect(time.text == text)
        #expect(time.secondsText == text.prefix(19) + "Z")
        #expect(Timestamp(text) == time)
    }

    @Test("a year of five digits, which no clock shows, is written whole and read back by nobody")
    func farFuture() {
        let time = Timestamp(microseconds: 253_402_300_800_000_000)
        #expect(time.text == "10000-01-01T00:00:00.000000Z")
        #expect(Timestamp(time.text) == nil)
    }
}
