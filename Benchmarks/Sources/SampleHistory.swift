import CanonicalJSON
import EventStore
import Ledger
import Merkle
import Proofs

/// A log as a busy server leaves it: sessions created, used, destroyed, each with a real proof. What an auditor reads.
struct SampleHistory {
    let log: EventLog
    private let customer: CustomerID
    private let key: KeyID
    static let sessionsAtOnce = 32

    /// Signs a customer up.
    init(log: EventLog) async throws {
        self.log = log
        var generator = SystemRandomNumberGenerator()
        customer = CustomerID(using: &generator)
        key = KeyID(using: &generator)
        let created = CustomerCreated(jurisdiction: .europeanUnion, sealedEmail: "c2VhbGVk", tier: .enterprise)
        let issued = KeyIssued(
            customerID: customer, display: "nrx_live_a1b2", environment: .live, expiresAt: nil, keyID: key,
            name: "default", permissions: .full, prefix: .nanorixLive, secretSHA256: Hash(of: Array("secret".utf8)))
        _ = try await log.append([
            draft(created, stream: customer.text, actor: "system"),
            draft(issued, stream: customer.text, actor: "system"),
        ])
    }

    /// Writes `count` sessions, from their creation to their proof, `atOnce` at a time.
    func writeSessions(_ count: Int, atOnce: Int = sessionsAtOnce) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<atOnce {
                group.addTask { for _ in 0..<(count / atOnce) { try await writeSession() } }
            }
            try await group.waitForAll()
        }
    }

    private func draft(_ payload: some EventPayload, stream: String, actor: String) -> EventDraft {
        EventDraft(
            id: SampleEvents.newEventID(), at: SystemClock.now(), actor: actor, stream: stream,
            trace: "req_0123456789abcdef", type: type(of: payload).type, version: type(of: payload).version,
            content: payload)
    }

    /// Writes sessions of `commands` commands each until the log holds `events` events: quicker, since what goes before
    /// a session's destruction is one commit.
    func writeLongSessions(until events: UInt64, commands: Int, atOnce: Int) async throws {
        let log = log
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<atOnce {
                group.addTask {
                    while log.head.size < events {
                        let session = newSession()
                        let lines = (0..<commands).flatMap { _ in command(in: session.id) }
                        _ = try await log.append([session.created] + lines)
                        try await destroy(session.id, createdAt: session.created.at, commands: commands)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func writeSession() async throws {
        let session = newSession()
        _ = try await log.append([session.created])
        for event in command(in: session.id) { _ = try await log.append([event]) }
        try await destroy(session.id, createdAt: session.created.at, commands: 1)
    }

    private func newSession() -> (id: SessionID, created: EventDraft) {
        var generator = SystemRandomNumberGenerator()
        let session = SessionID(using: &generator)
        let created = SessionCreated(
            customerID: customer, dataClassification: .healthInformation, environment: .live,
            jurisdiction: .europeanUnion, creator: .key(key), layersMissing: [], region: "eu", timeToLiveSeconds: 300)
        return (session, draft(created, stream: session.text, actor: key.text))
    }

    /// A command's two events.
    private func command(in session: SessionID) -> [EventDraft] {
        var generator = SystemRandomNumberGenerator()
        let exec = ExecID(using: &generator)
        let executing = SessionExecuting(
            execID: exec, inputBytes: 12, receiptSHA256: Hash(of: Array(session.text.utf8)))
        let executed = SessionExecuted(
            cpuMicroseconds: 900, execID: exec, outcome: .exited(code: 0), outOfMemory: false, peakMemoryBytes: 4096,
            stderrBytes: 0, stdoutBytes: 5, timedOut: false, truncated: false, wallMicroseconds: 1200)
        return [
            draft(executing, stream: session.text, actor: key.text),
            draft(executed, stream: session.text, actor: "system"),
        ]
    }

    /// The key's event, then the end and the proof in one commit, as the server does it.
    private func destroy(_ session: SessionID, createdAt: Timestamp, commands: Int) async throws {
        let destroyedAt = SystemClock.now().wholeSecond
        guard let createdSecond = UTCSecond(createdAt.secondsText), let second = UTCSecond(destroyedAt.secondsText)
        else { throw BenchmarkError("the clock shows a time that no proof can hold") }
        let signer = try ProofSigner()
        let destroyed = DestroyedSession(
            sessionID: session.text, customerID: customer.text, createdAt: createdSecond, trigger: .api,
            execCount: Int64(commands),
            context: SessionContext(
                jurisdiction: .europeanUnion, dataClassification: .healthInformation, region: "eu", environment: .live))
        let proofDraft = try ProofDraft(
            session: destroyed, evidence: Self.evidence, destroyedAt: second, publicKey: signer.publicKey)
        guard let keyID = VerificationKeyID(proofDraft.keyID) else { throw BenchmarkError("not a key id") }
        let published = VerificationKeyPublished(keyID: keyID, publicKey: signer.publicKey.text)
        let receipt = try await log.append([draft(published, stream: session.text, actor: "system")])
        let proof = try proofDraft.seal(
            at: LogHead(origin: log.origin, size: Int64(receipt.head.size), root: receipt.head.root), with: signer)
        guard let document = proof.document.object else { throw BenchmarkError("a proof is not an object") }
        _ = try await log.append([
            draft(SessionDestroyed(destroyedAt: destroyedAt, trigger: .api), stream: session.text, actor: key.text),
            draft(try ProofIssued(document: document), stream: session.text, actor: "system"),
        ])
    }

    /// What a sandbox measures of 3 pages that were wiped.
    private static let evidence: DestructionEvidence = {
        let blocks: Int64 = 3
        var tree = CompactRange()
        let zeros = [UInt8](repeating: 0, count: 4096)
        for _ in 0..<blocks { tree.append(zeros.withUnsafeBytes { TreeHasher.leaf($0) }) }
        return DestructionEvidence(
            isolation: .init(
                namespaces: .init(cgroup: 1, ipc: 2, mnt: 3, net: 4, pid: 5, user: 6, uts: 7), processesBefore: 1,
                processesAfter: 0, layersMissing: []),
            fileSystem: .init(
                mountID: 9, sizeBytes: 1 << 20, files: 2, bytes: blocks * 4096, openDescriptorsAfter: 0,
                presentAfter: false),
            overwrite: .init(
                bytes: blocks * 4096, bytesOverwritten: blocks * 4096 * 4, bytesCompared: blocks * 4096, mismatches: 0,
                initOnFree: true, swapActive: false),
            key: .init(
                guardedMemory: true, locked: true, zeroed: true, readBackZero: true,
                sealed: .init(execAnswers: 1, spooledInputs: 0, terminalTickets: 0)),
            credentials: .init(environmentSecrets: 0, terminalTickets: 0),
            zeroTree: .init(blocks: blocks, merkleRoot: tree.root, expectedRoot: tree.root))
    }()
}
