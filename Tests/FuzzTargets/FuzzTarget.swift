import CanonicalJSON
import Foundation
import Merkle
import Proofs

@testable import EventStore

/// Everything that reads bytes made by somebody else, each with what must hold whatever the bytes are.
///
/// A target answers with a verdict that is a function of the bytes alone. It never traps; a broken promise is thrown.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// One batch: header, padding, frame, lines.
    case batch
    /// A whole segment: a row of batches and what follows the last.
    case segment
    /// Strict JSON, and its RFC 8785 form.
    case json
    /// One line of the log.
    case event
    /// A destruction proof.
    case cdp
    /// A signed note with a checkpoint.
    case checkpoint
    /// A `.tlog-proof` file.
    case proof
    /// A verifier key.
    case key
    /// The record that a backup keeps.
    case backup

    /// What a reader said.
    public enum Verdict: String, Sendable {
        case accepted
        case refused
    }

    /// Longest input that is looked at, in bytes.
    public static let inputBytesMax = 1 << 16

    /// Reads `bytes` and checks what must hold.
    ///
    /// - Throws: ``BrokenPromise``, which is a finding.
    public func run(_ bytes: [UInt8]) throws -> Verdict {
        guard bytes.count <= Self.inputBytesMax else { return .refused }
        let accepted =
            switch self {
            case .batch: try Self.batch(bytes)
            case .segment: try Self.segment(bytes)
            case .json: try Self.json(bytes)
            case .event: try Self.event(bytes)
            case .cdp: (try? ProofVerifier().verify(bytes))?.isValid ?? false
            case .checkpoint: try Self.checkpoint(bytes)
            case .proof: try Self.proof(bytes)
            case .key: try Self.key(bytes)
            case .backup: try Self.backup(bytes)
            }
        return accepted ? .accepted : .refused
    }
}

/// A reader accepted what it should not have, or read something other than what was written.
public struct BrokenPromise: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

// `try?` below turns a refusal into nil: which refusal it was is no promise.
extension FuzzTarget {
    static func promise(_ holds: Bool, _ what: String) throws {
        if !holds { throw BrokenPromise(what) }
    }

    private static func json(_ bytes: [UInt8]) throws -> Bool {
        let form = bytes.withUnsafeBufferPointer { try? JSONReader.readNotingForm($0) }
        guard let (value, isCanonical) = form else { return false }
        let canonical = value.canonicalBytes
        try promise(isCanonical == (canonical == bytes), "the form was noted wrongly")
        guard let again = try? JSONReader.read(canonical) else { throw BrokenPromise("the canonical form is not read") }
        try promise(again == value && again.canonicalBytes == canonical, "the canonical form says something else")
        return true
    }

    private static func event(_ bytes: [UInt8]) throws -> Bool {
        guard let envelope = bytes.withUnsafeBufferPointer({ try? Envelope(line: $0) }) else { return false }
        try promise(envelope.event.line(at: envelope.sequence) == bytes, "an event is not written as it was read")
        return true
    }

    private static func checkpoint(_ bytes: [UInt8]) throws -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let checkpoint = try? Checkpoint(text: text) else { return false }
        try promise(Array(checkpoint.text.utf8) == Array(text.utf8), "a checkpoint is not written as it was read")
        for signature in checkpoint.signatures {
            try promise(VerifierKey.isValid(name: signature.name), "a signature by a name that no key can have")
        }
        return true
    }

    private static func proof(_ bytes: [UInt8]) throws -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let proof = try? InclusionProof(text: text) else { return false }
        try promise(Array(proof.text.utf8) == Array(text.utf8), "a proof is not written as it was read")
        _ = MerkleProof.verifyInclusion(
            of: .zero, at: proof.index, size: proof.checkpoint.head.size, root: proof.checkpoint.head.root,
            path: proof.path)
        return true
    }

    private static func key(_ bytes: [UInt8]) throws -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let key = VerifierKey(text) else { return false }
        try promise(Array(key.description.utf8) == Array(text.utf8), "a key is not written as it was read")
        _ = key.verifies(Array(bytes.prefix(64)), over: bytes)
        return true
    }

    private static func backup(_ bytes: [UInt8]) throws -> Bool {
        let record = BackupRecord(text: bytes)
        let again = BackupRecord(text: Array(record.text.utf8))
        try promise(again.text == record.text, "a record is not written as it was read")
        return !record.segments.isEmpty
    }
}
