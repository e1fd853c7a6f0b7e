import CSodium
import Glibc
import Proofs

/// The file that holds the master key: 64 hexadecimal digits and a newline, mode 0600.
///
/// Such a file can be made by hand: `(umask 077; openssl rand -hex 32 > master.key)`.
enum MasterKeyFile {
    private static let digits = 2 * SecretKey.byteCount

    /// Reads the key straight into guarded memory; nil when there is no file.
    static func read(_ path: String) throws(VaultError) -> SecretKey? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw PrivateFiles.failure("opened", path)
        }
        defer { close(descriptor) }
        try PrivateFiles.requirePrivate(descriptor: descriptor, path: path)
        // One byte more than a key and its newline, so that a longer file is noticed.
        var text = try GuardedMemory.allocated(byteCount: digits + 2)
        var count = 0
        while count < text.byteCount {
            let room = text.byteCount - count
            let got = text.withMutableBytes { Glibc.read(descriptor, $0 + count, room) }
            if got < 0 {
                if errno == EINTR { continue }
                throw PrivateFiles.failure("read", path)
            }
            if got == 0 { break }
            count += got
        }
        let key = try SecretKey { target in text.withBytes { decode($0, count: count, into: target) } }
        guard let key else {
            throw VaultError(
                .masterKeyMalformed,
                "the master key's file must hold 64 hexadecimal digits. Put back the right file.", file: path)
        }
        return key
    }

    private static func decode(
        _ text: UnsafePointer<UInt8>, count: Int, into target: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        guard count == digits || count == digits + 1 && text[digits] == UInt8(ascii: "\n") else { return false }
        return text.withMemoryRebound(to: CChar.self, capacity: digits) { characters in
            var written = 0
            let status = sodium_hex2bin(target, SecretKey.byteCount, characters, digits, nil, &written, nil)
            return status == 0 && written == SecretKey.byteCount
        }
    }

    /// Makes a key from libsodium's generator and stores it durably; an existing file is never replaced.
    static func create(_ path: String) throws(VaultError) -> SecretKey {
        let made = try SecretKey { target in
            randombytes_buf(target, SecretKey.byteCount)
            return true
        }
        guard let key = made else { throw VaultError(.cryptographyUnavailable, "no master key could be made") }
        try store(key, at: path)
        return key
    }

    /// Stores a key durably; an existing file is never replaced.
    static func store(_ key: borrowing SecretKey, at path: String) throws(VaultError) {
        var text = try GuardedMemory.allocated(byteCount: digits + 1)
        text.withMutableBytes { target in
            target.withMemoryRebound(to: CChar.self, capacity: digits + 1) { characters in
                key.withBytes { _ = sodium_bin2hex(characters, digits + 1, $0, SecretKey.byteCount) }
            }
            target[digits] = UInt8(ascii: "\n")
        }
        try PrivateFiles.store(text, at: path)
    }
}
