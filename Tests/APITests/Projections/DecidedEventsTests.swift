import Ledger
import Merkle
import Testing

@testable import API

@Suite("What is known of events from their decision on")
struct DecidedEventsTests {
    /// An event that says its number.
    private func event(_ number: Int) -> LedgerEvent {
        .sessionExecuting(
            SessionExecuting(execID: ExecID(high: 0, low: 1), inputBytes: Int64(number), receiptSHA256: .zero))
    }

    /// What is known of the events in `range`.
    private func known(_ decided: DecidedEvents, _ range: Range<Int>) -> [LedgerEvent?] {
        var taken = decided.take(before: UInt64(range.upperBound))
        return range.map { taken.event(UInt64($0)) }
    }

    @Test("Each event is known under its own number, however they were added and taken")
    func inPlace() {
        let decided = DecidedEvents()
        decided.add([event(10), event(11), event(12)], at: 10)
        decided.add([event(13)], at: 13)
        #expect(known(decided, 10..<12) == [event(10), event(11)])
        decided.add([event(14), event(15)], at: 14)
        #expect(known(decided, 12..<18) == [event(12), event(13), event(14), event(15), nil, nil])
        #expect(known(decided, 10..<20) == [LedgerEvent?](repeating: nil, count: 10))
        decided.add([event(16)], at: 16)
        #expect(known(decided, 16..<17) == [event(16)])
    }

    @Test("What was projected before it was added is forgotten with the next ones, which are not taken for it")
    func tooLate() {
        let decided = DecidedEvents()
        #expect(known(decided, 0..<4) == [nil, nil, nil, nil])
        decided.add([event(2), event(3)], at: 2)
        decided.add([event(4), event(5)], at: 4)
        #expect(known(decided, 4..<6) == [event(4), event(5)])
        #expect(known(decided, 4..<6) == [nil, nil])
    }

    @Test("An event that nobody decided on is not known, and those around it are")
    func gap() {
        let decided = DecidedEvents()
        decided.add([event(1)], at: 1)
        decided.add([event(3), event(4)], at: 3)
        #expect(known(decided, 1..<5) == [event(1), nil, event(3), event(4)])
    }

    @Test("What nobody takes does not grow without end")
    func bounded() {
        let decided = DecidedEvents(countMax: 100)
        for start in stride(from: 0, to: 1_000, by: 30) {
            decided.add((start..<start + 30).map(event), at: UInt64(start))
        }
        let known = known(decided, 0..<2_000)
        #expect((1...100).contains(known.count { $0 != nil }))
        for (number, event) in known.enumerated() where event != nil { #expect(event == self.event(number)) }
    }
}
