extension Vault {
    /// 32 bytes without which neither idempotency keys nor the requests made with them can be guessed from the log.
    /// Derived from the e-mail index's key under a purpose of its own, so it lasts as long as the vault.
    public func idempotencySecret() -> [UInt8] { emailIndex.derivedKey(purpose: "nrx-idempotency1") }

    /// The 32-byte Ed25519 seed of the key that this node signs agents' credentials with. Derived likewise, so credentials
    /// stay verifiable for as long as the vault lasts.
    public func credentialKeySeed() -> [UInt8] { emailIndex.derivedKey(purpose: "nrx-credentials1") }
}
