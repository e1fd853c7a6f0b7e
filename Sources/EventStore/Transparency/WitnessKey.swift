import Crypto
import Foundation
import Merkle

/// The public half of a witness's key, in the form of C2SP `signed-note` with the algorithm of `tlog-cosignature`:
/// `name+hex(key id)+base64(0x04 ‖ public key)`.
public struct WitnessKey: Sendable, Hashable, CustomStringConvertible {
    /// The algorithm byte of an Ed25519 cosignature.
    private static let cosignature: UInt8 = 4
    private static let timestampBytes = 8
    private static let signatureBytes = 64

    public let name: String
    /// 32 bytes of Ed25519 public key.
    public let publicKey: [UInt8]

    /// - Returns: nil when the name cannot name a key, or the key is not 32 bytes.
    public init?(name: String, publicKey: [UInt8]) {
        guard publicKey.count == 32, VerifierKey.isValid(name: name) else { return nil }
        self.name = name
        self.publicKey = publicKey
    }

    /// Reads the printed form; nil when anything in it is off, the key id included.
    public init?(_ text: String) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let encoded = Data(base64Encoded: String(parts[2])),
            encoded.first == Self.cosignature, encoded.base64EncodedString() == parts[2]
        else { return nil }
        self.init(name: String(parts[0]), publicKey: Array(encoded.dropFirst()))
        guard keyID.lowerCaseHex == parts[1] else { return nil }
    }

    /// First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x04 ‖ public key).
    public var keyID: [UInt8] {
        Array(SHA256.hash(data: Array(name.utf8) + [0x0A, Self.cosignature] + publicKey).prefix(4))
    }

    public var description: String {
        "\(name)+\(keyID.lowerCaseHex)+\(Data([Self.cosignature] + publicKey).base64EncodedString())"
    }

    /// What a witness signs: `cosignature/v1`, the time, and the checkpoint's text.
    ///
    /// - Parameter time: seconds since 1970.
    public static func message(at time: UInt64, over checkpoint: Checkpoint) -> [UInt8] {
        Array("cosignature/v1\ntime \(time)\n\(checkpoint.body)".utf8)
    }

    /// The signature line that `signature` (64 bytes over ``message(at:over:)``) makes.
    public func line(at time: UInt64, signature: [UInt8]) -> Checkpoint.Signature {
        let bytes = withUnsafeBytes(of: time.bigEndian) { Array($0) } + signature
        return Checkpoint.Signature(name: name, keyID: keyID, bytes: bytes)
    }

    /// When the witness cosigned, in seconds since 1970; nil unless `line` is this key's and verifies.
    public func time(of line: Checkpoint.Signature, over checkpoint: Checkpoint) -> UInt64? {
        guard isNamed(by: line), line.bytes.count == Self.timestampBytes + Self.signatureBytes else { return nil }
        let time = line.bytes.prefix(Self.timestampBytes).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // A public key that is no point of the curve verifies nothing.
        guard time <= UInt64(Int64.max), let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey),
            key.isValidSignature(
                line.bytes.dropFirst(Self.timestampBytes), for: Self.message(at: time, over: checkpoint))
        else { return nil }
        return time
    }

    func isNamed(by line: Checkpoint.Signature) -> Bool { line.name == name && line.keyID == keyID }
}

extension Checkpoint {
    /// When `key` cosigned this checkpoint, in seconds since 1970; nil when there is no line by it.
    ///
    /// - Throws: ``NoteError/badSignature(by:)`` when a line claims to be its and is not.
    public func cosigned(by key: WitnessKey) throws(NoteError) -> UInt64? {
        let lines = signatures.filter { key.isNamed(by: $0) }
        guard !lines.isEmpty else { return nil }
        let times = lines.compactMap { key.time(of: $0, over: self) }
        guard times.count == lines.count else { throw .badSignature(by: key.name) }
        return times.max()
    }

    /// Reads signature lines, as a witness answers them.
    public static func signatures(reading text: String) throws(NoteError) -> [Signature] {
        try readSignatures(text[...])
    }

    /// The same checkpoint without any line but those of the log itself.
    public var withoutCosignatures: Checkpoint {
        Checkpoint(
            origin: origin, head: head, extensions: extensions, signatures: signatures.filter { $0.name == origin })
    }
}
