import CSodium

/// Authenticated encryption: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a random 24-byte nonce, which is long
/// enough to be drawn at random for every message under one key. A box is nonce ‖ ciphertext ‖ 16-byte tag.
enum SealedBox {
    /// Bytes that a box is longer than its content.
    static let overheadBytes = nonceBytes + tagBytes

    private static let nonceBytes = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
    private static let tagBytes = Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)

    /// Seals `count` bytes at `content` under the 32-byte `key`, bound to `binding`.
    static func seal(
        _ content: UnsafePointer<UInt8>, count: Int, key: UnsafePointer<UInt8>, binding: Binding
    ) -> [UInt8] {
        var nonce = [UInt8](repeating: 0, count: nonceBytes)
        randombytes_buf(&nonce, nonceBytes)
        var sealed = [UInt8](repeating: 0, count: count + tagBytes)
        // Cannot fail: lengths are far below the cipher's limit and every pointer is valid.
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            &sealed, nil, content, UInt64(count), binding.bytes, UInt64(binding.bytes.count), nil, nonce, key)
        return nonce + sealed
    }

    /// Opens a box into `content`, which has room for `count` bytes.
    ///
    /// - Returns: false, with nothing usable in `content`, unless the box holds exactly `count` bytes sealed under `key`
    ///   for `binding`.
    static func open(
        _ box: some RandomAccessCollection<UInt8>, into content: UnsafeMutablePointer<UInt8>, count: Int,
        key: UnsafePointer<UInt8>, binding: Binding
    ) -> Bool {
        guard box.count == count + overheadBytes else { return false }
        let opened = box.withContiguousStorageIfAvailable { box in
            guard let nonce = box.baseAddress else { return false }
            return crypto_aead_xchacha20poly1305_ietf_decrypt(
                content, nil, nil, nonce + nonceBytes, UInt64(box.count - nonceBytes), binding.bytes,
                UInt64(binding.bytes.count), nonce, key) == 0
        }
        return opened ?? open(Array(box), into: content, count: count, key: key, binding: binding)
    }
}

/// The associated data of a sealed box: what it is for and whom it belongs to, so that a box moved elsewhere does not
/// open. Every part is preceded by its length, so no two lists of parts give the same bytes.
struct Binding: Sendable {
    /// What a box is for. The texts are part of the stored format.
    enum Purpose: String {
        case keyCheck = "nrx-vault/1 key check"
        case emailIndexKey = "nrx-vault/1 e-mail index key"
        case logSigningSeed = "nrx-vault/1 log signing seed"
        case signedHead = "nrx-vault/1 signed head"
        case dataKey = "nrx-vault/1 data key"
        case field = "nrx-vault/1 field"
        case memberEmail = "nrx-vault/1 member e-mail"
        case tokenKey = "nrx-vault/1 token key"
    }

    let bytes: [UInt8]

    init(_ purpose: Purpose, _ parts: [UInt8]...) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(parts.reduce(4 + purpose.rawValue.utf8.count) { $0 + 4 + $1.count })
        func append(_ part: some Collection<UInt8>) {
            withUnsafeBytes(of: UInt32(part.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: part)
        }
        append(purpose.rawValue.utf8)
        for part in parts { append(part) }
        self.bytes = bytes
    }
}
