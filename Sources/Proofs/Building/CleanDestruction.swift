extension DestructionEvidence {
    /// What keeps this evidence from showing a clean destruction, in words; empty when nothing does.
    ///
    /// Evidence with anything in it here never becomes a proof: the session ends as `expired_unclean`. Missing isolation
    /// layers are not listed, since the operator allowed them; they stand in the proof and in every verdict.
    public var uncleanReasons: [String] {
        var reasons: [String] = []
        func require(_ holds: Bool, _ otherwise: String) { if !holds { reasons.append(otherwise) } }
        require(isolation.processesAfter == 0, "\(isolation.processesAfter) processes were left")
        require(
            fileSystem.openDescriptorsAfter == 0,
            "\(fileSystem.openDescriptorsAfter) descriptors were still open on the workspace")
        require(!fileSystem.presentAfter, "the workspace was still mounted")
        require(overwrite.mismatches == 0, "\(overwrite.mismatches) bytes did not read back as zero")
        require(
            overwrite.bytes == fileSystem.bytes && overwrite.bytesCompared == fileSystem.bytes,
            "not every allocated byte was overwritten and compared")
        let expectedOverwritten = overwrite.bytes.multipliedReportingOverflow(by: Int64(OverwriteEvidence.passes.count))
        require(
            !expectedOverwritten.overflow && overwrite.bytesOverwritten == expectedOverwritten.partialValue,
            "\(overwrite.bytesOverwritten) bytes were overwritten instead of \(expectedOverwritten.partialValue)")
        require(key.guardedMemory, "the data key was not in guarded memory")
        require(key.locked, "the data key was not locked into RAM")
        require(key.zeroed && key.readBackZero, "the data key was not zeroed")
        let treeBytes = zeroTree.blocks.multipliedReportingOverflow(by: ZeroTree.blockBytes)
        require(
            zeroTree.blocks >= 0 && !treeBytes.overflow && treeBytes.partialValue == fileSystem.bytes,
            "\(zeroTree.blocks) blocks were read back for \(fileSystem.bytes) bytes")
        require(
            zeroTree.blocks >= 0 && zeroTree.expectedRoot == ZeroTree.root(blocks: zeroTree.blocks)
                && zeroTree.merkleRoot == zeroTree.expectedRoot,
            "the blocks read back are not all zero")
        return reasons
    }
}
