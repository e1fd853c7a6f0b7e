/// Which logs and which witnesses somebody trusts: C2SP `tlog-policy`.
///
/// ```
/// log ledger.example/log+1a2b3c4d+AdVq…
/// witness W1 witness.example/w1+5e6f7a8b+BMKp…
/// witness W2 witness.example/w2+9c0d1e2f+BCxk…
/// group both all W1 W2
/// quorum both
/// ```
public struct TrustPolicy: Sendable, Equatable {
    /// The keys of the logs that are accepted.
    public private(set) var logs: [VerifierKey] = []
    /// The witnesses by the names that the policy gives them.
    public var witnesses: [(name: String, key: WitnessKey)] {
        names.compactMap { name in
            guard case .witness(let key)? = definitions[name] else { return nil }
            return (name, key)
        }
    }
    /// What must have cosigned; nil for `quorum none`.
    public private(set) var quorum: String?

    private enum Definition: Equatable {
        case witness(WitnessKey)
        case group(threshold: Int, members: [String])
    }

    private var definitions: [String: Definition] = [:]
    /// In the order of the file.
    private var names: [String] = []

    /// Most lines that are read.
    static let linesMax = 4096
    /// The name that stands for no quorum at all.
    private static let none = "none"
}

extension TrustPolicy {
    /// Reads a policy strictly.
    ///
    /// - Throws: ``PolicyError`` naming the first line that is off.
    public init(text: String) throws(PolicyError) {
        guard text.utf8.allSatisfy({ $0 == 0x09 || $0 == 0x0A || $0 >= 0x20 && $0 != 0x7F }) else {
            throw PolicyError(line: nil, "it holds a control character other than tab and newline")
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count <= Self.linesMax else { throw PolicyError(line: nil, "it has more than 4096 lines") }
        var hasQuorum = false
        for (index, line) in lines.enumerated() {
            let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard let keyword = words.first, !keyword.hasPrefix("#") else { continue }
            do throws(PolicyProblem) {
                switch keyword {
                case "log": try readLog(words)
                case "witness": try readWitness(words)
                case "group": try readGroup(words)
                case "quorum":
                    guard !hasQuorum else { throw PolicyProblem("there is a quorum already") }
                    try readQuorum(words)
                    hasQuorum = true
                default: throw PolicyProblem("\(keyword) is none of log, witness, group and quorum")
                }
            } catch { throw PolicyError(line: index + 1, error.what) }
        }
        guard hasQuorum else { throw PolicyError(line: nil, "the line `quorum NAME` (or `quorum none`) is missing") }
    }

    private mutating func readLog(_ words: [String]) throws(PolicyProblem) {
        guard (2...3).contains(words.count) else { throw PolicyProblem("write `log VKEY [URL]`") }
        guard let key = VerifierKey(words[1]) else { throw PolicyProblem("\(words[1]) is no verifier key of a log") }
        guard !logs.contains(where: { $0.publicKey == key.publicKey }) else {
            throw PolicyProblem("this key is there twice")
        }
        logs.append(key)
    }

    private mutating func readWitness(_ words: [String]) throws(PolicyProblem) {
        guard (3...4).contains(words.count) else { throw PolicyProblem("write `witness NAME VKEY [URL]`") }
        guard let key = WitnessKey(words[2]) else {
            throw PolicyProblem("\(words[2]) is no verifier key of a witness (Ed25519 cosignature/v1)")
        }
        guard !witnesses.contains(where: { $0.key.publicKey == key.publicKey }) else {
            throw PolicyProblem("this key is there twice")
        }
        try define(words[1], as: .witness(key))
    }

    private mutating func readGroup(_ words: [String]) throws(PolicyProblem) {
        guard words.count >= 4 else { throw PolicyProblem("write `group NAME all|any|K MEMBER…`") }
        let members = Array(words[3...])
        guard Set(members).count == members.count else { throw PolicyProblem("a member is there twice") }
        for member in members {
            guard definitions[member] != nil else {
                throw PolicyProblem("\(member) is not defined on a line before")
            }
            guard !isMember(member) else { throw PolicyProblem("\(member) is a member of another group already") }
        }
        let threshold: Int? =
            switch words[2] {
            case "all": members.count
            case "any": 1
            default: Int(words[2]).flatMap { String($0) == words[2] ? $0 : nil }
            }
        guard let threshold, (1...members.count).contains(threshold) else {
            throw PolicyProblem("the threshold must be all, any, or from 1 to the number of members")
        }
        try define(words[1], as: .group(threshold: threshold, members: members))
    }

    private mutating func readQuorum(_ words: [String]) throws(PolicyProblem) {
        guard words.count == 2 else { throw PolicyProblem("write `quorum NAME`") }
        guard words[1] != Self.none else { return }
        guard definitions[words[1]] != nil else { throw PolicyProblem("\(words[1]) is not defined on a line before") }
        quorum = words[1]
    }

    private mutating func define(_ name: String, as definition: Definition) throws(PolicyProblem) {
        guard name != Self.none else { throw PolicyProblem("`none` cannot be defined") }
        guard definitions[name] == nil else { throw PolicyProblem("\(name) is defined already") }
        definitions[name] = definition
        names.append(name)
    }

    private func isMember(_ name: String) -> Bool {
        definitions.values.contains { definition in
            if case .group(_, let members) = definition { members.contains(name) } else { false }
        }
    }
}

extension TrustPolicy {
    /// The witnesses whose cosignatures `checkpoint` carries, by the policy's names, with their times in seconds since
    /// 1970.
    ///
    /// - Throws: ``NoteError/badSignature(by:)`` when a line claims to be one of theirs and is not.
    public func cosigners(of checkpoint: Checkpoint) throws(NoteError) -> [String: UInt64] {
        var cosigners: [String: UInt64] = [:]
        for (name, key) in witnesses {
            if let time = try checkpoint.cosigned(by: key) { cosigners[name] = time }
        }
        return cosigners
    }

    /// Whether these witnesses are enough.
    public func isQuorum(_ cosigners: some Collection<String>) -> Bool {
        guard let quorum else { return true }
        return hasWitnessed(quorum, Set(cosigners))
    }

    private func hasWitnessed(_ name: String, _ cosigners: Set<String>) -> Bool {
        switch definitions[name] {
        case .witness: cosigners.contains(name)
        // A group's members stand on lines before it, so this ends.
        case .group(let threshold, let members): members.count { hasWitnessed($0, cosigners) } >= threshold
        case nil: false
        }
    }
}

/// Why a policy cannot be read.
public struct PolicyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// From 1; nil where no single line is at fault.
    public let line: Int?
    public let what: String

    init(line: Int?, _ what: String) {
        self.line = line
        self.what = what
    }

    public var description: String { (line.map { "line \($0): " } ?? "") + what }
}

private struct PolicyProblem: Error {
    let what: String
    init(_ what: String) { self.what = what }
}
