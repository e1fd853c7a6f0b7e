import Testing

@testable import CanonicalJSON

@Suite("JSON values")
struct JSONValueTests {
    @Test("Bytes are the same when every one of them is, whatever their number")
    func sameBytes() {
        for count in 0...40 {
            let bytes = (0..<count).map { UInt8($0 + 1) }
            bytes.withUnsafeBufferPointer { same in
                bytes.map { $0 }.withUnsafeBufferPointer { #expect($0.hasSameBytes(as: same)) }
                (bytes + [0]).withUnsafeBufferPointer { #expect(!$0.hasSameBytes(as: same)) }
                for place in bytes.indices {
                    var other = bytes
                    other[place] ^= 0x80
                    other.withUnsafeBufferPointer { #expect(!$0.hasSameBytes(as: same), "\(place) of \(count)") }
                }
            }
        }
    }

    @Test("order names as UTF-16 does, on every pair around the places where it differs from UTF-8")
    func ordersAsUTF16() {
        let scalars: [UInt32] = [
            0x00, 0x41, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xEFFF, 0xF000, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF,
        ]
        let texts = scalars.compactMap { Unicode.Scalar($0) }.flatMap {
            ["\($0)", "a\($0)", "\($0)a", "\u{1F600}\($0)"]
        }
        for left in texts {
            for right in texts {
                let precedes = left.utf16.lexicographicallyPrecedes(right.utf16)
                #expect(left.precedesInUTF16(right) == precedes, "\(Array(left.utf16)) \(Array(right.utf16))")
                #expect(left.hasSameBytes(as: right) == (Array(left.utf8) == Array(right.utf8)))
            }
        }
    }

    @Test(
        "find members by name in small and in large objects, and nothing under another name",
        arguments: [1, 15, 16, 17, 300])
    func findsMembers(count: Int) throws {
        var object = JSONObject()
        for index in (0..<count).reversed() { object["member \(index)"] = .integer(Int64(index)) }
        #expect(object.members.count == count)
        for index in 0..<count { #expect(object["member \(index)"] == .integer(Int64(index))) }
        #expect(object["member"] == nil)
        #expect(object["member \(count)"] == nil)
        object["member 0"] = nil
        #expect(object["member 0"] == nil)
        #expect(object.members.count == count - 1)
    }

    @Test("are equal exactly when their canonical bytes are")
    func equality() {
        let values: [JSONValue] = [
            .null, true, false, 0, 1, .double(1), .double(1.5), .double(-0.0), "", "0", "é", "e\u{301}", [], [.null],
            [:],
            ["a": 1], ["a": .double(1)], ["a": 2], ["b": 1], [1], ["1"],
        ]
        for left in values {
            for right in values { #expect((left == right) == (left.canonicalBytes == right.canonicalBytes)) }
        }
    }
}
