import CSodium
public import EventStore
import Foundation
import Glibc
import Proofs

/// A log's recovery key: made once, kept offline, needed only when the vault is lost and the log's key with it.
///
/// ```swift
/// let key = try RecoveryKey.make(at: "/media/offline/recovery.key", name: "ledger.example/recovery")
/// let same = try RecoveryKey.read("/media/offline/recovery.key")
/// ```
///
/// The file holds one line, as Go's `sumdb/note` writes private keys: `PRIVATE+KEY+name+hex(key id)+base64(0x01 ‖ seed)`.
/// Beside it, under the same name and `.pub`, stands the public half, which the log names.
public final class RecoveryKey: CheckpointSigner {
    private static let prefix = "PRIVATE+KEY+"
    /// The algorithm byte of Ed25519 in C2SP signed-note.
    private static let ed25519: UInt8 = 1
    /// Longest file that is read, in bytes: a name of 255, and what stands around it.
    private static let fileBytesMax = 512

    private let key: LogSigningKey

    /// The public half.
    public var verifierKey: VerifierKey { key.verifierKey }

    private init(_ key: LogSigningKey) { self.key = key }

    /// 64 bytes of Ed25519 signature over `message`.
    public func sign(_ message: [UInt8]) throws(VaultError) -> [UInt8] { try key.sign(message) }

    /// Makes a key from libsodium's generator and stores both halves durably. Blocking.
    ///
    /// - Parameters:
    ///   - path: of the private half, which only its owner can read; the public half goes to `path` and `.pub`.
    ///   - name: the key's name, 1 to 255 bytes without white space, control characters and `+`.
    /// - Throws: ``VaultError/Code/io`` when one of the files exists already, or cannot be written.
    public static func make(at path: String, name: String) throws(VaultError) -> RecoveryKey {
        guard sodium_init() >= 0 else {
            throw VaultError(.cryptographyUnavailable, "libsodium could not be initialised; check its installation.")
        }
        for file in [path, path + ".pub"] where FileManager.default.fileExists(atPath: file) {
            throw VaultError(.io, "this file exists already and is never replaced: name another one.", file: file)
        }
        let made = try SecretKey { target in
            randombytes_buf(target, SecretKey.byteCount)
            return true
        }
        guard let seed = made else { throw VaultError(.cryptographyUnavailable, "no recovery key could be made") }
        let key = RecoveryKey(try LogSigningKey(seed: seed, origin: name))
        try PrivateFiles.store(try key.text(seed: seed), at: path)
        let published = Data((key.verifierKey.description + "\n").utf8)
        do { try published.write(to: URL(filePath: path + ".pub"), options: .withoutOverwriting) } catch {
            throw VaultError(.io, "the public half could not be written: \(error)", file: path + ".pub")
        }
        return key
    }

    /// Reads the private half. Blocking.
    ///
    /// - Throws: ``VaultError/Code/io``, ``VaultError/Code/permissions`` when others can read it,
    ///   ``VaultError/Code/invalidInput`` when it is no such file.
    public static func read(_ path: String) throws(VaultError) -> RecoveryKey {
        guard sodium_init() >= 0 else {
            throw VaultError(.cryptographyUnavailable, "libsodium could not be initialised; check its installation.")
        }
        var text = try GuardedMemory.allocated(byteCount: fileBytesMax)
        let count = try read(path, into: &text)
        let malformed = VaultError(
            .invalidInput, "this is no recovery key as `nrx-server recovery-key` makes them. Name the right file.",
            file: path)
        // Everything but the last field is public.
        let fields = text.withBytes { bytes -> (head: [UInt8], secret: Range<Int>)? in
            let buffer = UnsafeBufferPointer(start: bytes, count: count)
            let end = buffer.last == UInt8(ascii: "\n") ? count - 1 : count
            guard buffer.starts(with: prefix.utf8) else { return nil }
            let plus = buffer.indices.filter { buffer[$0] == UInt8(ascii: "+") }
            // Base64 may hold a `+` itself, so the fields are counted from the left: a name holds none.
            guard plus.count >= 4 else { return nil }
            return (Array(buffer[prefix.utf8.count..<plus[3]]), (plus[3] + 1)..<end)
        }
        guard let fields, let head = String(bytes: fields.head, encoding: .utf8) else { throw malformed }
        let parts = head.split(separator: "+", omittingEmptySubsequences: false)
        guard parts.count == 2, let seed = try decode(text, fields.secret) else { throw malformed }
        let key = try LogSigningKey(seed: seed, origin: String(parts[0]))
        guard key.verifierKey.description.hasPrefix("\(head)+") else { throw malformed }
        return RecoveryKey(key)
    }

    /// The private half's line, in guarded memory.
    private func text(seed: SecretKey) throws(VaultError) -> GuardedMemory {
        var encodedKey = try GuardedMemory.allocated(byteCount: SecretKey.byteCount + 1)
        encodedKey.withMutableBytes { target in
            target[0] = Self.ed25519
            seed.withBytes { (target + 1).update(from: $0, count: SecretKey.byteCount) }
        }
        let fields = verifierKey.description.split(separator: "+", maxSplits: 2)
        let head = Array("\(Self.prefix)\(fields[0])+\(fields[1])+".utf8)
        let encodedBytes = 44
        var text = try GuardedMemory.allocated(byteCount: head.count + encodedBytes + 1)
        text.withMutableBytes { target in
            target.update(from: head, count: head.count)
            (target + head.count).withMemoryRebound(to: CChar.self, capacity: encodedBytes + 1) { characters in
                encodedKey.withBytes { bytes in
                    _ = sodium_bin2base64(
                        characters, encodedBytes + 1, bytes, SecretKey.byteCount + 1, sodium_base64_VARIANT_ORIGINAL)
                }
            }
            // In place of the zero byte that ends a C string.
            target[head.count + encodedBytes] = UInt8(ascii: "\n")
        }
        return text
    }

    private static func decode(
        _ text: borrowing GuardedMemory, _ range: Range<Int>
    ) throws(VaultError) -> SecretKey? {
        var decoded = try GuardedMemory.allocated(byteCount: SecretKey.byteCount + 1)
        var written = 0
        let status = decoded.withMutableBytes { target in
            text.withBytes { bytes in
                (bytes + range.lowerBound).withMemoryRebound(to: CChar.self, capacity: range.count) { characters in
                    sodium_base642bin(
                        target, SecretKey.byteCount + 1, characters, range.count, nil, &written, nil,
                        sodium_base64_VARIANT_ORIGINAL)
                }
            }
        }
        guard status == 0, written == SecretKey.byteCount + 1 else { return nil }
        return try SecretKey { target in
            decoded.withBytes { bytes in
                target.update(from: bytes + 1, count: SecretKey.byteCount)
                return bytes[0] == ed25519
            }
        }
    }

    /// - Returns: how many bytes there were.
    private static func read(_ path: String, into text: inout GuardedMemory) throws(VaultError) -> Int {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PrivateFiles.failure("opened", path) }
        defer { close(descriptor) }
        try PrivateFiles.requirePrivate(descriptor: descriptor, path: path)
        var count = 0
        while count < fileBytesMax {
            let got = text.withMutableBytes { Glibc.read(descriptor, $0 + count, fileBytesMax - count) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw PrivateFiles.failure("read", path) }
            if got == 0 { break }
            count += got
        }
        return count
    }
}
