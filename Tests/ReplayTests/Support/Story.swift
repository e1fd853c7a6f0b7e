import CanonicalJSON
import EventStore
import Ledger
import Merkle
import Testing

@testable import Proofs

/// Both modules have a type of this name; here it is the events'.
private typealias PublishedKeyID = Ledger.VerificationKeyID

/// Writes the events of customers and sessions into a log, with real proofs, as the server does.
struct Story {
    let log: EventLog
    let customer: CustomerID
    let key: KeyID
    /// Identifiers and times are counted, so that a story is the same every time.
    private(set) var count: UInt64
    /// When each session began.
    private var createdTimes: [Ledger.SessionID: Timestamp] = [:]
    private var now = Timestamp(microseconds: 1_772_373_600_000_000)
    /// What a test changes before a proof is sealed.
    var layersMissing: [String] = []
    var layersInProof: [String]?
    var execCountInProof: Int64 = 1
    var headOfProof: ((TreeHead) -> TreeHead)?
    var alterDocument: ((JSONValue) -> JSONValue)?

    /// Signs a customer up.
    init(log: EventLog, number: UInt64 = 1) async throws {
        self.log = log
        count = number << 20
        customer = CustomerID(high: number, low: 1)
        key = KeyID(high: number, low: 2)
        let created = CustomerCreated(jurisdiction: .europeanUnion, sealedEmail: "c2VhbGVk", tier: .free)
        let issued = KeyIssued(
            customerID: customer, display: "nrx_live_a1b2", environment: .live, expiresAt: nil, keyID: key,
            name: "default", permissions: .full, prefix: .nanorixLive,
            secretSHA256: Hash(of: Array("secret \(number)".utf8)))
        _ = try await log.append([
            draft(created, stream: customer.text, actor: "system"),
            draft(issued, stream: customer.text, actor: "system"),
        ])
    }

    /// The next event's draft.
    mutating func draft(_ payload: some EventPayload, stream: String, actor: String) -> EventDraft {
        count += 1
        now = now.adding(microseconds: 1_000_000)
        return EventDraft(
            id: EventID(high: count, low: count &* 0x9E37_79B9_7F4A_7C15).text, at: now, actor: actor, stream: stream,
            trace: "req_\(count)", type: type(of: payload).type, version: type(of: payload).version, content: payload)
    }

    /// A session that is created and runs one command.
    mutating func liveSession() async throws -> Ledger.SessionID {
        count += 1
        let session = Ledger.SessionID(high: count << 32 | 0xA8F3, low: count)
        let exec = ExecID(high: count, low: 3)
        let created = draft(
            SessionCreated(
                customerID: customer, dataClassification: .healthInformation, environment: .live,
                jurisdiction: .europeanUnion, creator: .key(key), layersMissing: layersMissing, region: "eu",
                timeToLiveSeconds: 300), stream: session.text, actor: key.text)
        createdTimes[session] = created.at
        _ = try await log.append([created])
        _ = try await log.append([
            draft(
                SessionExecuting(execID: exec, inputBytes: 12, receiptSHA256: Hash(of: Array("receipt".utf8))),
                stream: session.text, actor: key.text)
        ])
        _ = try await log.append([
            draft(
                SessionExecuted(
                    cpuMicroseconds: 900, execID: exec, outcome: .exited(code: 0), outOfMemory: false,
                    peakMemoryBytes: 4096, stderrBytes: 0, stdoutBytes: 5, timedOut: false, truncated: false,
                    wallMicroseconds: 1200), stream: session.text, actor: "system")
        ])
        return session
    }

    /// The end of a session: the key's event, then the end and the proof in one commit.
    ///
    /// - Returns: the proof's document.
    mutating func destroy(_ session: Ledger.SessionID) async throws -> [UInt8] {
        let createdAt = try #require(createdTimes[session])
        let destroyedAt = now.adding(seconds: 5).wholeSecond
        let signer = try ProofSigner()
        let destroyed = DestroyedSession(
            sessionID: session.text, customerID: customer.text,
            createdAt: try #require(UTCSecond(createdAt.secondsText)), trigger: .api,
            execCount: execCountInProof,
            context: SessionContext(
                jurisdiction: .europeanUnion, dataClassification: .healthInformation, region: "eu", environment: .live))
        let draftedProof = try ProofDraft(
            session: destroyed, evidence: .clean(layersMissing: layersInProof ?? layersMissing),
            destroyedAt: try #require(UTCSecond(destroyedAt.secondsText)), publicKey: signer.publicKey)
        let keyID = try #require(PublishedKeyID(draftedProof.keyID))
        _ = try await log.append([
            draft(
                VerificationKeyPublished(keyID: keyID, publicKey: signer.publicKey.text), stream: session.text,
                actor: "system")
        ])
        let head = headOfProof?(log.head) ?? log.head
        let proof = try draftedProof.seal(
            at: LogHead(origin: log.origin, size: Int64(head.size), root: head.root), with: signer)
        let document = alterDocument?(proof.document) ?? proof.document
        _ = try await log.append([
            draft(SessionDestroyed(destroyedAt: destroyedAt, trigger: .api), stream: session.text, actor: key.text),
            draft(try ProofIssued(document: try #require(document.object)), stream: session.text, actor: "system"),
        ])
        return document.canonicalBytes
    }
}

extension DestructionEvidence {
    /// What a sandbox measures of 3 pages that were wiped.
    static func clean(layersMissing: [String]) -> DestructionEvidence {
        let blocks: Int64 = 3
        return DestructionEvidence(
            isolation: .init(
                namespaces: .init(cgroup: 1, ipc: 2, mnt: 3, net: 4, pid: 5, user: 6, uts: 7), processesBefore: 1,
                processesAfter: 0, layersMissing: layersMissing),
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
            zeroTree: .init(
                blocks: blocks, merkleRoot: ZeroTree.root(blocks: blocks), expectedRoot: ZeroTree.root(blocks: blocks)))
    }
}
