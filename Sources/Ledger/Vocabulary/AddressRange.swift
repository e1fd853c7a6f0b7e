/// A range of addresses in CIDR form (RFC 4632, RFC 4291 §2.3): `192.0.2.0/24`, `2001:db8::/32`, or one address alone.
///
/// ```swift
/// let range = try AddressRange("10.0.0.0/8")
/// range.contains(address)
/// ```
///
/// An IPv4 range written in its mapped form is the IPv4 range; a range of IPv6 never holds an IPv4 address.
public struct AddressRange: Sendable, Hashable {
    /// Why a text is no range; says what to write instead.
    public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    private let first: UInt128
    /// Leading bits that must agree, of 128.
    private let prefixBits: Int

    /// - Throws: ``Problem`` when `text` is no address or range, or names a host within a wider range.
    public init(_ text: String) throws(Problem) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bits = InternetAddress.parse(String(parts[0])) else {
            throw Problem(description: "it must look like 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1")
        }
        let isWrittenAsV4 = !parts[0].utf8.contains(UInt8(ascii: ":"))
        var prefixBits = 128
        if parts.count == 2 {
            let longest = isWrittenAsV4 ? 32 : 128
            guard let length = Self.length(parts[1]), length <= longest else {
                throw Problem(description: "the length behind the / must be a number from 0 to \(longest)")
            }
            prefixBits = isWrittenAsV4 ? 96 + length : length
        }
        first = bits & Self.mask(prefixBits)
        self.prefixBits = prefixBits
        guard first == bits else {
            throw Problem(description: "it names an address within a range; write \(self.text) or \(parts[0])")
        }
    }

    /// Whether `address` is in the range.
    public func contains(_ address: InternetAddress) -> Bool {
        address.family == family && address.bits & Self.mask(prefixBits) == first
    }

    /// Whether every address of `other` is in this range.
    public func contains(_ other: AddressRange) -> Bool {
        other.family == family && other.prefixBits >= prefixBits && other.first & Self.mask(prefixBits) == first
    }

    /// `address/length`, canonical; always with a length.
    public var text: String {
        "\(InternetAddress(bits: first).text)/\(family == .v4 ? prefixBits - 96 : prefixBits)"
    }

    /// `::/0` holds the mapped block, yet is a range of IPv6: only what lies wholly in the block is IPv4.
    private var family: InternetAddress.Family {
        prefixBits >= 96 && InternetAddress(bits: first).family == .v4 ? .v4 : .v6
    }

    /// Decimal digits without a sign or leading zeros.
    private static func length(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            text == "0" || text.first != "0"
        else { return nil }
        return Int(text)
    }

    private static func mask(_ bits: Int) -> UInt128 { bits == 0 ? 0 : .max << (128 - bits) }
}

extension AddressRange: CustomStringConvertible {
    public var description: String { text }
}

extension Sequence where Element == AddressRange {
    /// Whether one of the ranges holds `address`.
    public func contain(_ address: InternetAddress) -> Bool { contains { $0.contains(address) } }

    /// Whether every address of every one of `others` is in one of these ranges.
    func cover(_ others: some Sequence<AddressRange>) -> Bool {
        others.allSatisfy { other in contains { $0.contains(other) } }
    }
}
