public import EventStore

/// What an audit found: separate verdicts, since a log can be whole and yet not be the one that others were shown.
public struct AuditReport: Sendable {
    /// The answer to one question.
    public struct Verdict: Sendable, Equatable {
        /// What the answer is.
        public enum Result: String, Sendable {
            case passed
            case failed
            /// True only if the log's own first event is to be believed.
            case selfAsserted = "self_asserted"
            /// Could not be asked, or was not.
            case unchecked
        }

        public let result: Result
        /// Why, in words.
        public let explanation: String

        init(_ result: Result, _ explanation: String) {
            self.result = result
            self.explanation = explanation
        }
    }

    /// The questions, in the order in which they are answered.
    public enum Question: String, Sendable, CaseIterable {
        /// Do the stored bytes match their checksums, their order and every tree root?
        case integrity
        /// Could these events have happened, and do all proofs verify and agree with them?
        case meaning
        /// Was this very tree signed by the expected key?
        case authenticity
        /// Is everything there up to the newest checkpoint known?
        case completeness
        /// Does the log extend the oldest checkpoint known?
        case rollback
        /// Did enough of the witnesses that the auditor trusts cosign it? Asked with a policy only.
        case witnesses
    }

    /// One thing that is wrong, with its place.
    public struct Finding: Sendable, Equatable {
        public let question: Question
        /// Stable, for programs.
        public let code: String
        public let message: String
        public var file: String?
        public var offset: Int?
        public var sequence: UInt64?
        /// The last event concerned, where that is known.
        public var lastSequence: UInt64?
        /// How many bytes are concerned, where that is known.
        public var bytes: Int?
    }

    /// What was counted while the log was read.
    public struct Counts: Sendable, Equatable {
        public var segments = 0
        public var batches = 0
        /// Bytes of events before compression.
        public var textBytes = 0
        /// Bytes of batches as stored.
        public var storedBytes = 0
        public var customers = 0
        public var keys = 0
        public var liveSessions = 0
        public var endedSessions = 0
        public var proofs = 0
        /// Events of types that this program does not know.
        public var unknownEvents: UInt64 = 0
    }

    /// Events after the first damage.
    public struct BehindDamage: Sendable, Equatable {
        /// Those whose batches are whole in themselves.
        public let events: UInt64
        /// Those of them of which tiles and checkpoint show that they were signed for.
        public let authentic: UInt64
    }

    public let directory: String
    /// The tree over every good event.
    public internal(set) var head: TreeHead
    /// What the log's first event says; nil when it cannot be read.
    public internal(set) var origin: String?
    /// The key that the checkpoints were checked with.
    public internal(set) var verifierKey: VerifierKey?
    /// Every key that the log names, and how each came to be trusted; nil when its first event cannot be read.
    public internal(set) var keys: LogKeyHistory?
    /// The checkpoint beside the log.
    public internal(set) var checkpoint: Checkpoint?
    public internal(set) var verdicts: [Question: Verdict] = [:]
    public internal(set) var findings: [Finding] = []
    /// What is worth knowing and wrong with nothing.
    public internal(set) var notes: [String] = []
    public internal(set) var counts = Counts()
    /// What stands behind the first damage; nil where nothing does.
    public internal(set) var behindDamage: BehindDamage?
    /// The events of the stream that was asked for.
    public internal(set) var watchedEvents: [Envelope] = []
    /// What the caller wanted to know, which decides whether an unchecked verdict lowers the result.
    let wanted: Set<Question>

    /// The verdict on `question`.
    public subscript(question: Question) -> Verdict {
        verdicts[question] ?? Verdict(.unchecked, "was not asked")
    }

    /// The result over all questions.
    public var status: ExitStatus {
        if verdicts.values.contains(where: { $0.result == .failed }) { return .failed }
        let isLower = wanted.contains { self[$0].result != .passed }
        return isLower ? .lowerLevel : .verified
    }
}
