import CanonicalJSON
import Merkle

extension ProofInspection {
    /// Checks what the documents say against each other, against the rest of the proof, and against what a clean
    /// destruction says. Returns the proof's claims when all of it could be read.
    mutating func checkClaims(_ parts: ProofParts, _ documents: ClaimedDocuments) -> ProofClaims? {
        checkCleanDestruction(documents)
        checkByteCounts(documents)
        guard let completion = documents.completion else {
            for check in [ProofVerification.Check.keyBinding, .contextBinding, .consistency] {
                note(check, "step 8, which binds it, cannot be read")
            }
            return nil
        }
        checkKeyBinding(parts, completion)
        checkContexts(parts, completion)
        checkRepeatedMembers(parts, completion)
        guard let publicKey = parts.publicKey, let finalHash = parts.finalHash,
            let signatureText = parts.signatureText?.string, let logHead = documents.logHead
        else { return nil }
        return ProofClaims(
            sessionID: completion.sessionID, customerID: completion.customerID, createdAt: completion.createdAt,
            destroyedAt: completion.destroyedAt, trigger: completion.trigger, execCount: completion.execCount,
            keyID: completion.keyID, publicKey: publicKey, finalHash: finalHash, signatureText: signatureText,
            logHead: logHead)
    }

    private mutating func checkKeyBinding(_ parts: ProofParts, _ completion: ClaimedDocuments.Completion) {
        require(
            parts.publicKey?.spkiSHA256 == completion.publicKeySHA256, .keyBinding,
            "step 8 was made for another public key")
        require(
            parts.keyID?.hasText(completion.keyID) ?? false, .keyBinding,
            "attestation.key_id is not the key_id of step 8")
        require(
            isDerivedKeyID(completion), .keyBinding,
            "key_id does not follow from the session's id and the time of its destruction")
    }

    /// Whether the key's id is `nrx-verify-`, the time's digits and letters, `-`, and the session's first 8 hex characters.
    private func isDerivedKeyID(_ completion: ClaimedDocuments.Completion) -> Bool {
        let prefix = "nrx-verify-"
        var (keyID, time, sessionID) = (completion.keyID, completion.destroyedAt.text, completion.sessionID)
        // YYYYMMDDTHHMMSSZ, a dash, eight digits.
        let length = prefix.utf8.count + 16 + 1 + 8
        guard keyID.utf8.count == length, sessionID.utf8.count >= 13 else { return false }
        return keyID.withUTF8 { key in
            guard key.starts(with: prefix.utf8) else { return false }
            var place = prefix.utf8.count
            func takes(_ byte: UInt8) -> Bool {
                defer { place += 1 }
                return key[place] == byte
            }
            let hasTime = time.withUTF8 { time in
                time.allSatisfy { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ":") || takes($0) }
            }
            return hasTime && takes(UInt8(ascii: "-")) && sessionID.withUTF8 { $0[5..<13].allSatisfy { takes($0) } }
        }
    }

    private mutating func checkContexts(_ parts: ProofParts, _ completion: ClaimedDocuments.Completion) {
        let regulatory = parts.regulatoryContext.map { canonicalHash(of: $0) }
        require(
            regulatory == completion.regulatoryContextSHA256, .contextBinding,
            "regulatory_context does not have the hash that step 8 says")
        let session = parts.sessionContext.map { canonicalHash(of: $0) }
        require(
            session == completion.sessionContextSHA256, .contextBinding,
            "session_context does not have the hash that step 8 says")
    }

    private mutating func checkRepeatedMembers(_ parts: ProofParts, _ completion: ClaimedDocuments.Completion) {
        require(
            parts.sessionID?.hasText(completion.sessionID) ?? false, .consistency,
            "session_id is not that of step 8")
        require(parts.createdAt == completion.createdAt, .consistency, "created_at is not that of step 8")
        require(parts.destroyedAt == completion.destroyedAt, .consistency, "destroyed_at is not that of step 8")
        require(
            completion.createdAt <= completion.destroyedAt, .consistency, "the session was destroyed before it was made"
        )
    }

    private mutating func checkByteCounts(_ documents: ClaimedDocuments) {
        guard let fileSystem = documents.fileSystem, let overwrite = documents.overwrite,
            let zeroBlocks = documents.zeroBlocks
        else { return note(.consistency, "step 2, 3 or 6 cannot be read") }
        let bytes = fileSystem.bytes
        require(
            overwrite.bytes == bytes && overwrite.bytesCompared == bytes, .consistency,
            "steps 2 and 3 disagree on the number of bytes")
        // Within ±(2^53−1), as the reader lets nothing else in, neither side can overflow.
        require(
            overwrite.bytesOverwritten == bytes * Int64(overwrite.passes.count), .consistency,
            "bytes_overwritten is not the number of passes times bytes")
        require(
            bytes.isMultiple(of: 4096) && bytes / 4096 == zeroBlocks.blocks, .consistency,
            "blocks is not the number of bytes over 4096")
        require(
            zeroBlocks.expectedRoot == ZeroTree.root(blocks: zeroBlocks.blocks), .consistency,
            "expected_root is not the root of as many zero blocks")
    }

    private mutating func checkCleanDestruction(_ documents: ClaimedDocuments) {
        guard let isolation = documents.isolation, let fileSystem = documents.fileSystem,
            let overwrite = documents.overwrite, let dataKey = documents.dataKey, let zeroBlocks = documents.zeroBlocks
        else { return note(.cleanDestruction, "step 1, 2, 3, 4 or 6 cannot be read") }
        require(isolation.processesAfter == 0, .cleanDestruction, "\(isolation.processesAfter) processes were left")
        require(
            acceptsMissingLayers || isolation.layersMissing.isEmpty, .cleanDestruction,
            "the session ran without isolation layers: \(isolation.layersMissing.joined(separator: ", "))")
        require(fileSystem.openDescriptorsAfter == 0, .cleanDestruction, "descriptors were still open on the workspace")
        require(!fileSystem.presentAfter, .cleanDestruction, "the workspace was still mounted")
        require(
            overwrite.passes.elementsEqual(["00", "ff", "random", "00"]) { $0.hasSameBytes(as: $1) }, .cleanDestruction,
            "the passes are not 00, ff, random, 00")
        require(overwrite.mismatches == 0, .cleanDestruction, "\(overwrite.mismatches) bytes did not read back as zero")
        require(
            dataKey.guardedMemory && dataKey.locked, .cleanDestruction,
            "the data key was not in guarded and locked memory")
        require(dataKey.zeroed && dataKey.readBackZero, .cleanDestruction, "the data key was not zeroed")
        require(
            zeroBlocks.merkleRoot == zeroBlocks.expectedRoot, .cleanDestruction,
            "the blocks read back are not the zero blocks expected")
    }
}
