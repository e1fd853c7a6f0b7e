import CanonicalJSON
import EventStore
import Merkle
public import Proofs

/// What is known of one destruction proof, and how surely.
public struct ProofReport: Sendable {
    /// The three levels of docs/cdp.md, each saying more than the one before.
    public enum Level: String, Sendable, CaseIterable, Comparable {
        /// The document alone holds together.
        case integrity
        /// The log whose key the auditor knows published the proof's key.
        case provenance
        /// The replayed log holds the session's whole life and extends what the auditor kept.
        case history

        public static func < (left: Level, right: Level) -> Bool {
            allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
        }
    }

    /// The answer at one level.
    public enum Judgment: Sendable, Equatable {
        case reached(String)
        /// Nothing contradicts it, but it could not be established.
        case notReached(String)
        case failed([String])
    }

    /// The level asked for.
    public let asked: Level
    public internal(set) var judgments: [Level: Judgment] = [:]
    /// What the proof says of itself; nil unless the document holds together.
    public internal(set) var claims: ProofClaims?
    /// Isolation layers that the session ran without; part of every verdict.
    public internal(set) var layersMissing: [String] = []
    var verification: ProofVerification?
    /// The audit of the log, where there was one.
    public internal(set) var audit: AuditReport?

    init(asked: Level) { self.asked = asked }

    /// The highest level reached; nil when the proof fails.
    public var reached: Level? {
        guard status != .failed else { return nil }
        return Level.allCases.last { level in
            if case .reached = judgments[level] { true } else { false }
        }
    }

    public var status: ExitStatus {
        for case .failed in judgments.values { return .failed }
        if case .reached = judgments[asked] { return .verified }
        return .lowerLevel
    }

    /// The report as `nrx-replay verify` prints it.
    public func output(file: String) -> CommandOutput {
        CommandOutput("verify", status: status, text: text(file: file), members: document(file: file))
    }

    private func text(file: String) -> String {
        var lines = LabelledLines(labelWidth: 14)
        lines.add("proof", file)
        if let claims {
            lines.add(
                "session", "\(claims.sessionID), \(claims.execCount) commands, ended by \(claims.trigger.rawValue)")
            lines.add("lived", "\(claims.createdAt) to \(claims.destroyedAt)")
            lines.add("key", claims.keyID)
        }
        if !layersMissing.isEmpty {
            lines.add("WARNING", "the session ran without isolation layers: " + layersMissing.joined(separator: ", "))
        }
        for level in Level.allCases {
            switch judgments[level] {
            case .reached(let why): lines.add(level.rawValue, "REACHED: \(why)")
            case .notReached(let why): lines.add(level.rawValue, "NOT REACHED: \(why)")
            case .failed(let reasons): for reason in reasons { lines.add(level.rawValue, "FAILED: \(reason)") }
            case nil: break
            }
        }
        lines.add("result", resultText)
        return lines.text
    }

    private var resultText: String {
        let level = reached?.rawValue ?? "none"
        return switch status {
        case .verified where asked == .integrity:
            "VERIFIED at the level of integrity. This is not authenticity: ask for provenance (--proof, --verifier-key)"
                + " or history (--log)"
        case .verified: "VERIFIED at the level of \(level)"
        case .lowerLevel: "VERIFIED ONLY at the level of \(level); \(asked.rawValue) was asked for"
        case .failed, .unusable: "FAILED"
        }
    }

    private func document(file: String) -> JSONObject {
        var levels = JSONObject()
        for (level, judgment) in judgments {
            levels[level.rawValue] =
                switch judgment {
                case .reached(let why): ["result": "reached", "explanation": .array([.string(why)])]
                case .notReached(let why): ["result": "not_reached", "explanation": .array([.string(why)])]
                case .failed(let reasons): ["result": "failed", "explanation": .array(reasons.map { .string($0) })]
                }
        }
        return JSONObject([
            "file": .string(file), "level_asked": .string(asked.rawValue),
            "level_reached": reached.map { .string($0.rawValue) } ?? .null, "levels": .object(levels),
            "checks": verification?.checksDocument, "layers_missing": .array(layersMissing.map { .string($0) }),
            "session_id": claims.map { .string($0.sessionID) }, "key_id": claims.map { .string($0.keyID) },
            "destroyed_at": claims.map { .string($0.destroyedAt.text) },
            "audit": audit.map { .object($0.document) },
        ])
    }
}
