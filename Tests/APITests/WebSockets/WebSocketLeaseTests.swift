import Ledger
import Proofs
import Testing

@testable import API

@Suite("WebSocket leases")
struct WebSocketLeaseTests {
    private func member(_ number: UInt64) -> Principal {
        Principal(
            identity: .member(MemberID(high: 0, low: number)), customerID: CustomerID(high: 0, low: 1),
            environment: .live, permissions: .full)
    }

    private func leases(limitsAddresses: Bool = true) -> WebSocketLeases {
        var limits = WebSocketLimits()
        (limits.perCallerMax, limits.perAddressMax) = (2, 3)
        return WebSocketLeases(limits: limits, limitsAddresses: limitsAddresses)
    }

    @Test(
        "neither a caller nor an address has more than it may; giving back makes room; nothing is remembered for ever")
    func limits() throws {
        let leases = leases()
        let (here, there) = (InternetAddress("192.0.2.1"), InternetAddress("192.0.2.2"))
        let first = try leases.take(member(1), from: here)
        let second = try leases.take(member(1), from: there)
        #expect(throws: APIError.self) { try leases.take(member(1), from: there) }
        let third = try leases.take(member(2), from: here)
        let fourth = try leases.take(member(2), from: here)
        do throws(APIError) {
            _ = try leases.take(member(3), from: here)
            Issue.record("a fourth connection from one address")
        } catch { #expect(error.code == .rateLimited && error.retryAfterSeconds != nil) }
        leases.giveBack(third)
        let fifth = try leases.take(member(3), from: here)
        #expect(leases.count == 4)
        for lease in [first, second, fourth, fifth] { leases.giveBack(lease) }
        #expect(leases.count == 0)
    }

    @Test("addresses of one IPv6 network are one; without limits of addresses only callers count")
    func networks() throws {
        let leases = leases()
        for number in 1...3 as ClosedRange<UInt64> {
            _ = try leases.take(member(number), from: InternetAddress("2001:db8::\(number)"))
        }
        #expect(throws: APIError.self) { try leases.take(member(4), from: InternetAddress("2001:db8::4")) }
        let unlimited = self.leases(limitsAddresses: false)
        for number in 1...9 as ClosedRange<UInt64> {
            _ = try unlimited.take(member(number), from: InternetAddress("192.0.2.1"))
        }
    }
}
