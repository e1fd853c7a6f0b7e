public import EventStore
import GRDB

extension Vault: CheckpointSigner {
    /// The public half of the log's key, named by the log's origin.
    public var verifierKey: VerifierKey { signingKey.verifierKey }

    /// 64 bytes of Ed25519 signature over `message` by the log's key. About 25 µs; no file is touched.
    ///
    /// - Throws: ``VaultError/Code/cryptographyUnavailable``.
    public func sign(_ message: [UInt8]) throws(VaultError) -> [UInt8] { try signingKey.sign(message) }
}

extension Vault: SignedHeadKeeper {
    /// The highest head ever recorded, or nil when none was. Blocking.
    ///
    /// - Throws: ``VaultError/Code/damaged`` when the record was altered.
    public func highestSignedHead() throws(VaultError) -> TreeHead? {
        let head = try thread.runBlocking { [masterKey, origin] db in
            try SignedHead.fetch(db, masterKey, origin: origin)
        }
        return head.size == 0 ? nil : TreeHead(size: head.size, root: head.root)
    }

    /// Makes `head` durable. Blocking: one sync, unless it is recorded already.
    ///
    /// - Throws: ``VaultError/Code/rolledBack`` for a head smaller than the highest, or of the same size with another
    ///   root: signing it would show two histories of one log.
    public func recordSignedHead(_ head: TreeHead) throws(VaultError) {
        try thread.runBlocking { [masterKey, origin] db in
            let highest = try SignedHead.fetch(db, masterKey, origin: origin)
            let new = SignedHead(size: head.size, root: head.root, origin: origin)
            if new == highest { return }
            guard new.size > highest.size else {
                throw VaultError(
                    .rolledBack,
                    "a head of \(new.size) events and root \(new.root) must not be signed after one of \(highest.size)"
                        + " events and root \(highest.root). Restore the newest copy of the log.")
            }
            try new.update(db, masterKey)
        }
    }
}
