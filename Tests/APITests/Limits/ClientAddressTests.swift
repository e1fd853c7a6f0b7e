import Ledger
import Testing

@testable import API

@Suite("Client address")
struct ClientAddressTests {
    private static let proxies = ["10.0.0.0/8", "2001:db8:ffff::/48"]

    @Test(
        "the rightmost address that is not a trusted proxy's; what anybody else wrote is not believed",
        arguments: [
            ("203.0.113.7", [], "203.0.113.7"),
            // Nobody that we trust says it.
            ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
            ("203.0.113.7", ["10.0.0.1"], "203.0.113.7"),
            ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
            // The client invented the left part; our proxy appended the truth.
            ("10.0.0.1", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", ["10.9.9.9, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", ["1.1.1.1, 198.51.100.1 , 10.0.0.2"], "198.51.100.1"),
            ("2001:db8:ffff::1", ["2001:db8:1::9"], "2001:db8:1::9"),
            ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", ["[2001:db8:1::9]:443"], "2001:db8:1::9"),
            ("10.0.0.1", ["[2001:db8:1::9]"], "2001:db8:1::9"),
            ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
            // A trusted proxy that says nothing usable is itself the client.
            ("10.0.0.1", ["unknown"], "10.0.0.1"), ("10.0.0.1", [""], "10.0.0.1"), ("10.0.0.1", [], "10.0.0.1"),
            ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"), ("10.0.0.1", ["198.51.100.1,"], "10.0.0.1"),
            // Trusted all the way: the one farthest from us.
            ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ])
    func find(peer: String, forwardedFor: [String], expected: String) throws {
        let clients = ClientAddress(trustedProxies: try Self.proxies.map { try AddressRange($0) })
        #expect(clients.find(peer: InternetAddress(peer), forwardedFor: forwardedFor) == InternetAddress(expected))
    }

    @Test("without trusted proxies the header is never believed; without an address there is none")
    func nobodyTrusted() {
        let clients = ClientAddress(trustedProxies: [])
        #expect(
            clients.find(peer: InternetAddress("127.0.0.1"), forwardedFor: ["1.2.3.4"]) == InternetAddress("127.0.0.1"))
        #expect(clients.find(peer: nil, forwardedFor: ["1.2.3.4"]) == nil)
    }

    @Test("a header of ten thousand hops costs no more than one of a few")
    func longChain() throws {
        let clients = ClientAddress(trustedProxies: [try AddressRange("0.0.0.0/0")])
        let header = "198.51.100.1, " + Array(repeating: "10.0.0.1", count: 10_000).joined(separator: ", ")
        #expect(clients.find(peer: InternetAddress("10.0.0.1"), forwardedFor: [header]) == InternetAddress("10.0.0.1"))
    }

    @Test("IPv6 is counted by its first 64 bits, IPv4 by its address")
    func networks() {
        #expect(
            InternetAddress("2001:db8:1:2::1")?.network == InternetAddress("2001:db8:1:2:ffff:ffff:ffff:ffff")?.network)
        #expect(InternetAddress("2001:db8:1:2::1")?.network != InternetAddress("2001:db8:1:3::1")?.network)
        #expect(InternetAddress("::ffff:192.0.2.1")?.network == InternetAddress("192.0.2.1"))
        #expect(InternetAddress("192.0.2.1")?.network != InternetAddress("192.0.2.2")?.network)
    }
}
