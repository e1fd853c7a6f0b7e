import CanonicalJSON
public import EventStore
import Merkle

/// Shows that the log of one checkpoint extends the log of an older one: makes the proof from the log's files, or checks
/// one that somebody else made.
///
/// ```swift
/// let answer = try ConsistencyProver(old: kept, new: today).prove(from: "data/log")
/// ```
public struct ConsistencyProver: Sendable {
    public let old: Checkpoint
    public let new: Checkpoint
    /// The log's key as the auditor got it; nil checks no signature.
    public var verifierKey: VerifierKey?

    public init(old: Checkpoint, new: Checkpoint, verifierKey: VerifierKey? = nil) {
        self.old = old
        self.new = new
        self.verifierKey = verifierKey
    }

    /// Makes the proof from the log in `directory`. Reads and verifies the whole log; memory is that of one reading.
    ///
    /// - Throws: ``AuditorError`` when the log cannot be read.
    public func prove(
        from directory: String, progress: (ScanProgress) -> Void = { _ in }
    ) throws(AuditorError) -> CommandOutput {
        if let problem = problemOfCheckpoints() { return failed(problem) }
        let (oldSize, newSize) = (old.head.size, new.head.size)
        // Every log extends the empty one, without a proof.
        let needed = NeededNodes { if oldSize > 0 { _ = MerkleProof.consistency(from: oldSize, to: newSize, in: $0) } }
        let gathered = try needed.gather(from: directory, progress: progress)
        if let damage = gathered.damage { return failed("the log is damaged: \(damage)") }
        let path = oldSize > 0 ? MerkleProof.consistency(from: oldSize, to: newSize, in: gathered.nodes) : []
        return judge(ConsistencyProof(oldSize: oldSize, path: path, checkpoint: new))
    }

    /// Checks a proof that somebody else made (the text that ``prove(from:progress:)`` prints).
    public func check(_ proof: Result<ConsistencyProof, NoteError>) -> CommandOutput {
        if let problem = problemOfCheckpoints() { return failed(problem) }
        switch proof {
        case .failure(let error): return failed("the proof cannot be read: \(error)")
        case .success(let proof):
            guard proof.checkpoint.body.hasSameBytes(as: new.body) else {
                return failed("the proof leads to another checkpoint than the newer one")
            }
            return judge(proof)
        }
    }

    private func problemOfCheckpoints() -> String? {
        guard old.origin == new.origin else {
            return "the checkpoints are of two logs, \(old.origin) and \(new.origin)"
        }
        guard old.head.size <= new.head.size else {
            return "the newer checkpoint signs fewer events, \(new.head.size), than the older one, \(old.head.size):"
                + " give the older one first"
        }
        guard let verifierKey else { return nil }
        for (name, checkpoint) in [("older", old), ("newer", new)] {
            do throws(NoteError) { try checkpoint.verify(with: verifierKey) } catch {
                return "the \(name) checkpoint is not accepted: \(error)"
            }
        }
        return nil
    }

    private func judge(_ proof: ConsistencyProof) -> CommandOutput {
        guard proof.proves(extensionOf: old.head) else {
            return failed(
                "the \(new.head.size) events of the newer checkpoint do not begin with the \(old.head.size) of the"
                    + " older one: these are two histories, or the proof is wrong")
        }
        return CommandOutput(
            "consistency", status: .verified, text: proof.text,
            members: members.setting("proof", .string(proof.text)))
    }

    private func failed(_ reason: String) -> CommandOutput {
        CommandOutput(
            "consistency", status: .failed, text: "", members: members.setting("reason", .string(reason)))
    }

    private var members: JSONObject {
        JSONObject([
            "origin": .string(new.origin), "old_size": .integer(Int64(clamping: old.head.size)),
            "new_size": .integer(Int64(clamping: new.head.size)),
            "signatures": .string(verifierKey == nil ? "not_checked" : "verified"),
        ])
    }
}

extension JSONObject {
    fileprivate func setting(_ name: String, _ value: JSONValue) -> JSONObject {
        var object = self
        object[name] = value
        return object
    }
}
