import EventStore
import Ledger
import Merkle
import Proofs

/// Replays what the events mean, in order: every transition legal, every number following from the events before it,
/// every proof in agreement with its session and with an earlier state of this very log.
///
/// Owned by the thread that scans.
struct MeaningReplay {
    private(set) var state = State()
    private(set) var findings: [AuditReport.Finding] = []
    private(set) var firstEvent: Envelope?
    /// The keys that the log names; nil when its first event cannot be read.
    private(set) var keys: LogKeyHistory?
    private(set) var watchedEvents: [Envelope] = []
    private(set) var proofsVerified = 0
    private let bytesOnly: Bool
    private let watchedStream: String?
    private var roots = RecentRoots()
    private var lateClaims: [HeadClaim] = []
    /// The place of the key's event of each session that is being destroyed.
    private var keyEvents: [String: UInt64] = [:]
    /// Set at the first event that cannot stand where it stands; from there on the state is not known.
    private(set) var hasStopped = false

    /// What step 7 of a proof says.
    private struct HeadClaim {
        let sequence: UInt64
        let size: UInt64
        let root: Hash
    }

    init(bytesOnly: Bool, watchedStream: String?) {
        self.bytesOnly = bytesOnly
        self.watchedStream = watchedStream
    }

    /// Tree sizes whose roots some proof claims, and that lie too far back to be remembered.
    var unresolvedHeads: Set<UInt64> { Set(lateClaims.map(\.size)) }

    mutating func take(_ batch: VerifiedBatch, _ content: BatchContent) {
        if firstEvent == nil { firstEvent = content.events.first }
        followKeys(content.events)
        guard !bytesOnly else { return }
        for index in content.events.indices {
            let envelope = content.events[index]
            if let watchedStream, envelope.event.stream == watchedStream { watchedEvents.append(envelope) }
            if !content.proofs.isEmpty, let reading = content.proofs[index] { check(reading, of: envelope) }
            apply(envelope)
        }
        if let failure = content.failure {
            note("event", failure.message, batch, failure.sequences?.lowerBound)
            hasStopped = true
        }
        roots.add(size: batch.header.treeSize, root: batch.header.root)
        if !hasStopped, !state.isComplete {
            note("torn_commit", "the batch ends between a session's end and its proof, which are one commit", batch)
            hasStopped = true
        }
    }

    /// Of events behind a damage only that can be judged which needs nothing before them: their form, and their proofs as
    /// documents.
    mutating func takeBehindDamage(_ content: BatchContent) {
        guard !bytesOnly else { return }
        hasStopped = true
        for (index, envelope) in content.events.enumerated() {
            if let reading = content.proofs[index] { check(reading, of: envelope) }
        }
        if let failure = content.failure {
            findings.append(
                .init(
                    question: .meaning, code: "event", message: failure.message, file: failure.file,
                    offset: failure.offset, sequence: failure.sequences?.lowerBound))
        }
    }

    /// A rotation that does not hold changes nothing: the old key then goes on, and what a new one signed is refused.
    private mutating func followKeys(_ events: [Envelope]) {
        // By index, since to take an event out of the array counts the references of all its texts.
        for index in events.indices
        where events[index].sequence == 0 || LogKeyRotation.isCarried(byType: events[index].event.type) {
            if events[index].sequence == 0 { keys = FirstEvent.keys(in: events[index]) }
            // The ledger's own rules name what is wrong with it.
            try? keys?.apply(events[index])
        }
    }

    private mutating func apply(_ envelope: Envelope) {
        guard !hasStopped else { return }
        switch envelope.event.type {
        case VerificationKeyPublished.type: keyEvents[envelope.event.stream] = envelope.sequence
        case ProofIssued.type, SessionExpiredUnclean.type: keyEvents[envelope.event.stream] = nil
        default: break
        }
        do throws(ReplayError) { try state.apply(envelope) } catch {
            findings.append(
                .init(
                    question: .meaning, code: error.code.rawValue, message: error.description,
                    sequence: envelope.sequence))
            hasStopped = true
        }
    }

    /// Checks what the ledger's own rules leave to the auditor: the proof as a document, its layers, its place in the
    /// log.
    private mutating func check(_ reading: ProofReading, of envelope: Envelope) {
        guard reading.failures.isEmpty else {
            return note(
                "proof_invalid", "the proof does not verify: " + reading.failures.joined(separator: "; "), envelope)
        }
        proofsVerified += 1
        guard !hasStopped else { return }
        if let session = SessionID(envelope.event.stream).flatMap({ state.liveSession($0) }),
            session.layersMissing != reading.layersMissing
        {
            note("proof_layers", "the proof names other missing layers than the session's first event", envelope)
        }
        guard let head = reading.logHead, let origin = state.log?.origin else { return }
        guard head.origin == origin else {
            return note("proof_log", "step 7 of the proof names another log: \(head.origin)", envelope)
        }
        guard let key = keyEvents[envelope.event.stream], head.size > Int64(key),
            head.size <= Int64(envelope.sequence)
        else {
            return note(
                "proof_log", "step 7 of the proof names a state of the log that does not hold the event of its key",
                envelope)
        }
        let size = UInt64(head.size)
        if let root = roots[size] {
            if root != head.root { noteWrongRoot(envelope.sequence, size: size) }
        } else {
            lateClaims.append(HeadClaim(sequence: envelope.sequence, size: size, root: head.root))
        }
    }

    /// Ends the replay.
    ///
    /// - Parameter lateRoots: the roots at ``unresolvedHeads``.
    mutating func finish(_ scan: LogScan, lateRoots: [UInt64: Hash]) {
        for claim in lateClaims where lateRoots[claim.size] != claim.root {
            noteWrongRoot(claim.sequence, size: claim.size)
        }
        findings.sort { ($0.sequence ?? 0) < ($1.sequence ?? 0) }
    }

    private mutating func noteWrongRoot(_ sequence: UInt64, size: UInt64) {
        findings.append(
            .init(
                question: .meaning, code: "proof_log",
                message: "event \(sequence): step 7 of the proof names a root that this log never had at size \(size)",
                sequence: sequence))
    }

    private mutating func note(_ code: String, _ message: String, _ envelope: Envelope) {
        findings.append(
            .init(
                question: .meaning, code: code,
                message:
                    "event \(envelope.sequence) (\(envelope.event.type), stream \(envelope.event.stream)): \(message)",
                sequence: envelope.sequence))
    }

    private mutating func note(_ code: String, _ message: String, _ batch: VerifiedBatch, _ sequence: UInt64? = nil) {
        findings.append(
            .init(
                question: .meaning, code: code, message: message, file: batch.file, offset: batch.offset,
                sequence: sequence ?? batch.header.sequences.upperBound))
    }
}

/// The roots after the latest batches, by tree size: a proof seals the state of a moment ago.
struct RecentRoots {
    /// Batches remembered.
    static let countMax = 1 << 16

    private var roots: [UInt64: Hash] = [:]
    private var sizes: [UInt64] = []
    private var oldest = 0

    subscript(size: UInt64) -> Hash? { roots[size] }

    mutating func add(size: UInt64, root: Hash) {
        roots[size] = root
        if sizes.count < Self.countMax {
            sizes.append(size)
        } else {
            roots[sizes[oldest]] = nil
            sizes[oldest] = size
            oldest = (oldest + 1) % Self.countMax
        }
    }
}
