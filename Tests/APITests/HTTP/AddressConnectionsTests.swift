import Ledger
import Testing

@testable import API

@Suite("Connections of one address")
struct AddressConnectionsTests {
    private func address(_ text: String) throws -> InternetAddress { try #require(InternetAddress(text)) }

    @Test("an address has so many, others theirs; one that ends makes room, and nothing is kept of who is gone")
    func limit() throws {
        let connections = AddressConnections(limit: 2, exempt: [])
        let (one, two) = (try address("192.0.2.1"), try address("192.0.2.2"))
        #expect([one, one, one, two].map(connections.open) == [true, true, false, true])
        connections.close(one)
        #expect(connections.open(one))
        for address in [one, one, two] { connections.close(address) }
        #expect(connections.count(of: one) == 0 && connections.count(of: two) == 0)
    }

    @Test("IPv6 counts by its /64, IPv4 in IPv6 is IPv4, and a named proxy is not counted")
    func networks() throws {
        let connections = AddressConnections(limit: 1, exempt: [try AddressRange("10.0.0.0/8")])
        #expect(connections.open(try address("2001:db8::1")))
        #expect(!connections.open(try address("2001:db8::ffff:2")))
        #expect(connections.open(try address("2001:db8:0:1::1")))
        #expect(connections.open(try address("192.0.2.1")))
        #expect(!connections.open(try address("::ffff:192.0.2.1")))
        for _ in 0..<10 { #expect(connections.open(try address("10.1.2.3"))) }
    }
}
