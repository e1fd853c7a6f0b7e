import CanonicalJSON
import EventStore
import Logging
import Merkle
import Ledger
import Proofs
import Sandbox

extension SessionManager {
    /// Ends a session: destroys its environment, measures that, proves it, records it. Once; later callers get the same
    /// answer.
    func end(_ id: SessionID, trigger: DestructionTrigger, as actor: Actor, trace: String) async -> Result<
        APIResponse, APIError
    > {
        let session: LiveSession
        do throws(APIError) { session = try environment(of: id) } catch { return .failure(error) }
        return await session.end { [self] in
            let start = ContinuousClock.now
            defer {
                forget(id)
                metrics.destructionTook(start.duration(to: .now))
            }
            do throws(APIError) {
                return .success(try await destroy(session, trigger: trigger, actor: actor, trace: trace))
            } catch { return .failure(error) }
        }
    }

    /// The session's init ended by itself, and everything inside with it. What is left is wiped all the same, but no
    /// proof names a reason that nobody knows: the session is expired_unclean.
    func endLost(_ session: LiveSession) async {
        let result = await session.end { [self] in
            defer { forget(session.id) }
            do throws(DestructionFailure) { _ = try await session.environment.destroy() } catch {
                logger.error(
                    "a lost environment was not wiped cleanly",
                    metadata: ["session": .string(session.id.text), "error": .string("\(error)")])
            }
            await session.commandsRecorded()
            do throws(APIError) {
                try await recordUnclean(session.id, .environmentLost, step: nil, known: JSONObject(), trace: "died")
            } catch { return .failure(error) }
            return .failure(
                APIError(.internalError, "The session's environment ended by itself: it is expired_unclean."))
        }
        if case .failure(let error) = result {
            logger.error(
                "environment lost",
                metadata: ["session": .string(session.id.text), "error": .string(error.message)])
        }
    }

    private func destroy(_ session: LiveSession, trigger: DestructionTrigger, actor: Actor, trace: String)
        async throws(APIError) -> APIResponse
    {
        let measured: Result<DestructionEvidence, DestructionFailure>
        do throws(DestructionFailure) { measured = .success(try await session.environment.destroy()) } catch {
            measured = .failure(error)
        }
        // How a command ended that the destruction ended (or that ran out of memory, and so ended the session) is told
        // to its caller and stands in the log before the session's end does.
        await session.commandsRecorded()
        let evidence: DestructionEvidence
        do throws(DestructionFailure) { evidence = try measured.get() } catch {
            logger.error(
                "destruction not measured",
                metadata: [
                    "session": .string(session.id.text), "step": .stringConvertible(error.step),
                    "error": .string("\(error)"),
                ])
            try await recordUnclean(
                session.id, .measurementFailed, step: Int64(error.step), known: JSONObject(error.findings), trace: trace
            )
            throw APIError(
                .internalError,
                "The destruction did not measure clean: \(error)."
                    + " The session is expired_unclean and there is no proof.")
        }
        do throws(ProofFailure) {
            let proof = try await prove(session.id, evidence, trigger: trigger, actor: actor, trace: trace)
            metrics.ended(.proven)
            return .json(DestructionAnswer.body(of: proof, sessionID: session.id, status: trigger.status))
        } catch {
            logger.error("no proof", metadata: ["session": .string(session.id.text), "error": .string("\(error)")])
            try await recordUnclean(session.id, .proofFailed, step: nil, known: JSONObject(), trace: trace)
            throw APIError(
                .internalError, "The session was destroyed, but its proof could not be made: it is expired_unclean.")
        }
    }

    private func recordUnclean(
        _ id: SessionID, _ reason: UncleanReason, step: Int64?, known: JSONObject, trace: String
    ) async throws(APIError) {
        let command = ExpireUnclean(sessionID: id, reason: reason, failedStep: step, known: known)
        _ = try await ledger.perform(.expireUnclean(command), as: .system, trace: trace)
        metrics.ended(.unclean(reason))
    }

    /// docs/cdp.md, "Order": the time, the key pair, its event durable, the log's head, the signature, the proof's event.
    private func prove(
        _ id: SessionID, _ evidence: DestructionEvidence, trigger: DestructionTrigger, actor: Actor, trace: String
    ) async throws(ProofFailure) -> DestructionProof {
        guard let createdAt = ledger.read({ $0.liveSession(id)?.createdAt }) else { throw .sessionGone }
        for attempt in 1... {
            do throws(any Error) {
                let destroyedAt = max(ledger.now().wholeSecond, createdAt.wholeSecond)
                let signer = try ProofSigner()
                let publish = PublishVerificationKey(
                    sessionID: id, destroyedAt: destroyedAt, publicKey: signer.publicKey.text)
                let published = try await ledger.commit(.publishVerificationKey(publish), as: .system, trace: trace)
                // Only now do the session's counts stand still: until its key is published, a command can still begin.
                guard let record = ledger.read({ $0.liveSession(id) }) else { throw ProofFailure.sessionGone }
                let draft = try ProofDraft(
                    session: try DestroyedSession(record, trigger: trigger), evidence: evidence,
                    destroyedAt: try UTCSecond(destroyedAt), publicKey: signer.publicKey)
                let proof = try draft.seal(
                    at: LogHead(
                        origin: ledger.log.origin, size: Int64(published.head.size), root: published.head.root),
                    with: signer)
                guard let document = proof.document.object else { throw ProofFailure.notAnObject }
                _ = try await ledger.perform(
                    .endSession(EndSession(sessionID: id, proof: document)), as: actor, trace: trace)
                return proof
            } catch let error as APIError where error.code == .conflict && attempt < Self.keyNameAttemptsMax {
                // The key's name holds the second and 32 bits of the session: another session took it. Next second.
                do { try await Task.sleep(for: .seconds(1)) } catch { throw .cancelled }
            } catch let failure as ProofFailure {
                throw failure
            } catch {
                throw .other("\(error)")
            }
        }
        throw .cancelled
    }

    private static let keyNameAttemptsMax = 3
}

extension JSONObject {
    /// The counts and truth values among what was measured, by the name of the measurement in the event's letters.
    init(_ findings: [DestructionFailure.Finding]) {
        self.init()
        for finding in findings {
            let name = String(
                finding.measurement.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
            if let count = Int64(finding.measured) { self[name] = .integer(count) }
            if let truth = Bool(finding.measured) { self[name] = .bool(truth) }
        }
    }
}

/// Why a measured destruction has no proof.
enum ProofFailure: Error, Sendable {
    case sessionGone, notAnObject, cancelled
    case other(String)
}

/// `DELETE /v1/sessions/:id` as the API reference shows it.
enum DestructionAnswer {
    static func body(of proof: DestructionProof, sessionID: SessionID, status: SessionStatus) -> JSONValue {
        body(of: proof.document, sessionID: sessionID, status: status)
    }

    static func body(of document: JSONValue, sessionID: SessionID, status: SessionStatus) -> JSONValue {
        [
            "session_id": .string(sessionID.text), "status": .string(status.rawValue), "cdp": document,
            "regulatory_context": document["regulatory_context"] ?? .null,
            "session_context": document["session_context"] ?? .null,
        ]
    }
}

extension DestroyedSession {
    init(_ record: SessionRecord, trigger: DestructionTrigger) throws(ProofFailure) {
        self.init(
            sessionID: record.id.text, customerID: record.customerID.text,
            createdAt: try UTCSecond(record.createdAt), trigger: trigger, execCount: record.execCount,
            context: SessionContext(
                jurisdiction: record.jurisdiction, dataClassification: record.dataClassification,
                region: record.region, environment: record.environment))
    }
}

extension UTCSecond {
    /// The second that `time` lies in.
    init(_ time: Timestamp) throws(ProofFailure) {
        guard let second = UTCSecond(time.secondsText) else { throw .other("no such second: \(time)") }
        self = second
    }
}
