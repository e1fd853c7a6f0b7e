public import Merkle

/// What strangers need in order to check the log: checkpoints, tiles and proofs. Hashes only, but for the lines that a
/// proof is asked to carry.
extension EventLog {
    /// The newest signed checkpoint, or nil before the first.
    public var checkpoint: Checkpoint? { checkpoints.latest }

    /// The newest checkpoint by the log's current key that witnesses cosigned, or nil where none did; can be older than
    /// ``checkpoint``.
    public var cosignedCheckpoint: Checkpoint? { checkpoints.cosigned }

    /// Keeps a checkpoint with its cosignatures beside the log, for those who ask for it and for auditors.
    ///
    /// - Throws: `foreign` unless it is one of this log's; `io`.
    public func keepCosigned(_ checkpoint: Checkpoint) async throws(EventLogError) {
        let checkpoints = checkpoints
        try await reader.worker.run { () throws(EventLogError) in try checkpoints.keepCosigned(checkpoint) }
    }

    /// Signs the durable head now, unless that was done already.
    public func signCheckpoint() async throws(EventLogError) -> Checkpoint {
        let checkpoints = checkpoints
        return try await reader.worker.run { () throws(EventLogError) in try checkpoints.signNow() }
    }

    /// The newest checkpoint, signed first where there is none yet.
    public func anyCheckpoint() async throws(EventLogError) -> Checkpoint {
        if let checkpoint { return checkpoint }
        return try await signCheckpoint()
    }

    /// The content of a tile or an entry bundle of the tree that the newest checkpoint signs; nil when that tree has no
    /// such tile. Reads one file at most.
    public func tile(_ name: TileName) async throws(EventLogError) -> [UInt8]? {
        let (tiles, size) = (tiles, try await anyCheckpoint().head.size)
        return try await reader.worker.run { () throws(EventLogError) in try tiles.bytes(of: name, size: size) }
    }

    /// The leaf hash of event `index` and its audit path in the tree of the first `size` events. Reads O(log n) tiles.
    ///
    /// - Throws: `outOfRange` unless `index < size <= head.size`.
    public func auditPath(of index: UInt64, size: UInt64) async throws(EventLogError) -> (leaf: Hash, path: [Hash]) {
        guard index < size, size <= head.size else {
            throw EventLogError(
                .outOfRange, "there is no event \(index) among the first \(size); the log holds \(head.size).")
        }
        let tiles = tiles
        return try await reader.worker.run { () throws(EventLogError) in
            let source = ProofTiles(of: tiles)
            let path = try MerkleProof.inclusion(of: index, size: size, from: source)
            return (try source.node(height: 0, index: index), path)
        }
    }

    /// The proof that the tree of `size` events extends the tree of the first `oldSize`. Reads O(log n) tiles.
    ///
    /// - Throws: `outOfRange` unless `oldSize <= size <= head.size`.
    public func consistencyProof(from oldSize: UInt64, to size: UInt64) async throws(EventLogError) -> [Hash] {
        guard oldSize <= size, size <= head.size else {
            throw EventLogError(
                .outOfRange, "sizes must rise, up to the \(head.size) events of the log: \(oldSize), \(size).")
        }
        // Every tree extends the empty one, without a proof.
        guard oldSize > 0 else { return [] }
        let tiles = tiles
        return try await reader.worker.run { () throws(EventLogError) in
            try MerkleProof.consistency(from: oldSize, to: size, in: ProofTiles(of: tiles))
        }
    }

    /// The proof that event `sequence` is in the log, under a checkpoint that covers it. Reads O(log n) tiles.
    ///
    /// - Throws: `outOfRange` when there is no such event yet.
    public func inclusionProof(of sequence: UInt64) async throws(EventLogError) -> InclusionProof {
        try await inclusionProof(of: sequence, under: try await checkpoint(covering: sequence), line: nil)
    }

    /// The proofs that these events are in the log, all under one checkpoint, each with its event's line in `extra`.
    ///
    /// - Throws: `outOfRange` when one of them is not there yet.
    public func inclusionProofs(carrying sequences: [UInt64]) async throws(EventLogError) -> [InclusionProof] {
        let checkpoint = try await checkpoint(covering: sequences.max() ?? 0)
        var proofs: [InclusionProof] = []
        for sequence in sequences {
            guard let envelope = try await read(from: sequence, count: 1).first else {
                throw EventLogError(.outOfRange, "the log ends before event \(sequence).")
            }
            let line = envelope.event.line(at: sequence)
            proofs.append(try await inclusionProof(of: sequence, under: checkpoint, line: line))
        }
        return proofs
    }

    /// A checkpoint over event `sequence`; signed now when no earlier one covers it.
    private func checkpoint(covering sequence: UInt64) async throws(EventLogError) -> Checkpoint {
        guard sequence < head.size else {
            throw EventLogError(.outOfRange, "the log ends before event \(sequence); it holds \(head.size).")
        }
        // One that witnesses cosigned says more.
        if let cosignedCheckpoint, cosignedCheckpoint.head.size > sequence { return cosignedCheckpoint }
        if let checkpoint, checkpoint.head.size > sequence { return checkpoint }
        return try await signCheckpoint()
    }

    private func inclusionProof(
        of sequence: UInt64, under checkpoint: Checkpoint, line: [UInt8]?
    ) async throws(EventLogError) -> InclusionProof {
        let head = checkpoint.head
        let (leaf, path) = try await auditPath(of: sequence, size: head.size)
        let isRight = MerkleProof.verifyInclusion(
            of: leaf, at: sequence, size: head.size, root: head.root, path: path)
        guard isRight, line.map({ TreeHasher.leaf(Hash(of: $0)) == leaf }) ?? true else {
            throw EventLogError(
                .damaged,
                "a tile does not agree with the log. Tiles are derived: stop the server, remove the directory tile/ and"
                    + " start again.")
        }
        return InclusionProof(index: sequence, path: path, checkpoint: checkpoint, extra: line)
    }
}
