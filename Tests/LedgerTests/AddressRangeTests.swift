import Ledger
import Testing

@Suite struct AddressRangeTests {
    private func range(_ text: String) throws -> AddressRange { try AddressRange(text) }

    private func address(_ text: String) throws -> InternetAddress { try #require(InternetAddress(text), "\(text)") }

    @Test(
        "What is in a range and what is just outside of it, IPv4 and IPv6",
        arguments: [
            (
                "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
                ["9.255.255.255", "11.0.0.0", "::a00:1"]
            ),
            ("192.0.2.0/25", ["192.0.2.0", "192.0.2.127"], ["192.0.2.128", "192.0.1.255"]),
            ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
            ("192.0.2.7/32", ["192.0.2.7"], ["192.0.2.6"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "2001:db8::1"]),
            ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff:ffff::1"], ["2001:db9::", "2001:db7:ffff::"]),
            ("2001:db8::1", ["2001:db8::1", "2001:DB8:0::1"], ["2001:db8::2"]),
            ("::/0", ["::", "2001:db8::1"], ["1.2.3.4", "::ffff:1.2.3.4"]),
            ("::ffff:10.0.0.0/104", ["10.1.2.3"], ["11.0.0.0"]),
            ("::ffff:10.0.0.1", ["10.0.0.1"], ["10.0.0.2"]),
        ] as [(String, [String], [String])])
    func membership(text: String, inside: [String], outside: [String]) throws {
        let range = try range(text)
        for text in inside { #expect(range.contains(try address(text)), "\(text) in \(range)") }
        for text in outside { #expect(!range.contains(try address(text)), "\(text) not in \(range)") }
    }

    @Test(
        "Each length from 0 to the longest holds exactly the addresses that agree in that many bits",
        arguments: [("203.0.113.90", 32), ("2001:db8:85a3:8d3:1319:8a2e:370:7348", 128)])
    func everyLength(text: String, longest: Int) throws {
        let one = try address(text)
        for length in 0...longest {
            // The range that holds the address is what the refusal of a host within it proposes.
            let range: AddressRange
            do { range = try AddressRange("\(text)/\(length)") } catch {
                let proposal = try #require(
                    error.description.split(separator: " ").first { $0.hasSuffix("/\(length)") })
                range = try AddressRange(String(proposal))
            }
            #expect(range.contains(one))
            #expect(try AddressRange(range.text) == range)
            #expect(range.text.hasSuffix("/\(length)"))
            let wider = try AddressRange(longest == 32 ? "0.0.0.0/0" : "::/0")
            #expect(wider.contains(range))
            #expect(range.contains(wider) == (length == 0))
        }
    }

    @Test(
        "What is not a range is refused",
        arguments: [
            "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/8/8",
            "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0/8", "10.0.0.0.0/8", "256.0.0.0/8", "010.0.0.0/8", "0x0a000000/8",
            "::/129", "2001:db8::/", "[2001:db8::]/32", "2001:db8::%eth0/64", "fe80::1%1", "localhost", "10.0.0.0\0/8",
            "10.0.0.0/8\0", "10.0.0.1/8", "2001:db8::1/32", "::ffff:10.0.0.1/104", "*",
        ])
    func refused(text: String) { #expect(throws: AddressRange.Problem.self) { try AddressRange(text) } }

    @Test("A host within a range is refused with the two texts that would do")
    func proposal() throws {
        let problem = #expect(throws: AddressRange.Problem.self) { try AddressRange("10.1.2.3/8") }
        #expect(
            problem?.description.contains("10.0.0.0/8") == true && problem?.description.contains("10.1.2.3") == true)
    }

    @Test("Addresses and ranges have one text each")
    func canonical() throws {
        #expect(try address("2001:0DB8:0:0::1").text == "2001:db8::1")
        #expect(try address("::ffff:c000:201").text == "192.0.2.1")
        #expect(try range("::ffff:10.0.0.0/104").text == "10.0.0.0/8")
        #expect(try range("2001:0db8::/32").text == "2001:db8::/32")
        #expect(try range("192.0.2.1").text == "192.0.2.1/32")
        #expect(try range("::/0").text == "::/0")
        for text in ["", "1.2.3", "1.2.3.4:80", "[::1]", "::1%lo", "1.2.3.4\0", "01.2.3.4"] {
            #expect(InternetAddress(text) == nil, "\(text)")
        }
    }
}
