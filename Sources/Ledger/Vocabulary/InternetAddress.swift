import Glibc

/// An IPv4 or IPv6 address. An IPv4 address that arrives mapped into IPv6 (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) is the
/// IPv4 address.
///
/// ```swift
/// InternetAddress("::ffff:192.0.2.1")?.text   // "192.0.2.1"
/// ```
public struct InternetAddress: Sendable, Hashable {
    /// Which kind of address.
    public enum Family: Sendable, Hashable { case v4, v6 }

    public let family: Family
    /// 16 bytes, network order; an IPv4 address in its mapped form.
    let bits: UInt128

    /// `::ffff:0:0/96`, where IPv4 addresses are mapped.
    static let mapped: UInt128 = 0xFFFF << 32

    /// The 16 bytes as one number; mapped IPv4 becomes IPv4.
    init(bits: UInt128) {
        self.bits = bits
        family = bits >> 32 == Self.mapped >> 32 ? .v4 : .v6
    }

    /// The IPv4 address whose bytes, in network order, are those of `number` in memory (`in_addr.s_addr`).
    package init(v4 number: UInt32) { self.init(bits: Self.mapped | UInt128(UInt32(bigEndian: number))) }

    /// The IPv6 address of 16 bytes in network order; mapped IPv4 becomes IPv4.
    package init(v6 bytes: UnsafeRawBufferPointer) { self.init(bits: bytes.reduce(0) { $0 << 8 | UInt128($1) }) }

    /// Reads `192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1`; nil for anything else. Without port, brackets or zone; an
    /// IPv4 address has four decimal parts without leading zeros (POSIX `inet_pton`).
    public init?(_ text: String) {
        guard let bits = Self.parse(text) else { return nil }
        self.init(bits: bits)
    }

    /// The 16 bytes that `text` spells, IPv4 mapped.
    static func parse(_ text: String) -> UInt128? {
        // `inet_pton` reads up to a NUL; what stands behind one must not be lost.
        guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return mapped | UInt128(UInt32(bigEndian: v4.s_addr)) }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        return withUnsafeBytes(of: v6) { InternetAddress(v6: $0).bits }
    }

    /// The address in its canonical form (RFC 5952).
    public var text: String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let written: UnsafePointer<CChar>? =
            switch family {
            case .v4:
                withUnsafeBytes(of: UInt32(truncatingIfNeeded: bits).bigEndian) {
                    inet_ntop(AF_INET, $0.baseAddress, &buffer, socklen_t(buffer.count))
                }
            case .v6:
                withUnsafeBytes(of: bits.bigEndian) {
                    inet_ntop(AF_INET6, $0.baseAddress, &buffer, socklen_t(buffer.count))
                }
            }
        return written.map { String(cString: $0) } ?? ""
    }
}

extension InternetAddress: CustomStringConvertible {
    public var description: String { text }
}
