import AsyncHTTPClient
import EventStore
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends the log's checkpoints to witnesses, checks the cosignatures that they answer, and keeps them with the checkpoint
/// (C2SP `tlog-witness`, `add-checkpoint`; cosignature/v1).
///
/// What fails is tried again with the next round; the log itself never waits for a witness.
final class WitnessClient: Sendable {
    /// Pause between two rounds, in milliseconds.
    static let roundMilliseconds = 1000
    /// Longest wait for one answer, in seconds.
    static let answerSecondsMax: Int64 = 10
    /// Largest answer that is read, in bytes.
    static let answerBytesMax = 1 << 16
    /// Rounds with fewer cosignatures than before, after which the fewer are what is published.
    static let patienceRounds = 10

    private struct State {
        /// The size that each witness cosigned last, by its key's name.
        var sizes: [String: UInt64] = [:]
        /// Whether a witness failed in its latest round, so that this is said once and not every second.
        var failing: Set<String> = []
        /// The checkpoint that every witness has cosigned.
        var completed: UInt64?
        var poorRounds = 0
    }

    private let witnesses: [Witness]
    private let log: EventLog
    private let logger: Logger
    private let http: HTTPClient
    private let state = Mutex(State())

    init(witnesses: [Witness], log: EventLog, logger: Logger) {
        self.witnesses = witnesses
        self.log = log
        self.logger = logger
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(Self.answerSecondsMax))
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Asks for every new checkpoint until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await askAll()
            do { try await Task.sleep(for: .milliseconds(Self.roundMilliseconds)) } catch { return }
        }
    }

    /// At a stop: signs what there is, asks once more, and gives up the connections.
    func finish() async {
        do throws(EventLogError) { _ = try await log.signCheckpoint() } catch {
            logger.error("no last checkpoint for the witnesses", metadata: ["error": .string("\(error)")])
        }
        await askAll()
        do { try await http.shutdown() } catch {
            logger.warning("witness connections were not closed", metadata: ["error": .string("\(error)")])
        }
    }

    /// Asks every witness to cosign the newest checkpoint, unless all of them have.
    func askAll() async {
        guard let checkpoint = log.checkpoint, checkpoint.head.size > 0,
            state.withLock({ $0.completed }) != checkpoint.head.size
        else { return }
        let lines = await withTaskGroup(of: [Checkpoint.Signature].self) { group in
            for witness in witnesses {
                group.addTask { await self.ask(witness, for: checkpoint) }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        await keep(checkpoint.adding(lines), cosignatures: lines.count)
    }

    private func keep(_ cosigned: Checkpoint, cosignatures: Int) async {
        guard cosignatures > 0 else { return }
        let before = log.cosignedCheckpoint.map { $0.signatures.count - $0.withoutCosignatures.signatures.count } ?? 0
        let isWorthKeeping = state.withLock { state in
            state.poorRounds = cosignatures >= before ? 0 : state.poorRounds + 1
            return state.poorRounds == 0 || state.poorRounds >= Self.patienceRounds
        }
        guard isWorthKeeping else { return }
        do throws(EventLogError) {
            try await log.keepCosigned(cosigned)
            if cosignatures == witnesses.count { state.withLock { $0.completed = cosigned.head.size } }
        } catch {
            logger.error("cosignatures were not kept", metadata: ["error": .string("\(error)")])
        }
    }

    private func ask(_ witness: Witness, for checkpoint: Checkpoint) async -> [Checkpoint.Signature] {
        do {
            let lines = try await cosignatures(of: witness, for: checkpoint)
            if state.withLock({ $0.failing.remove(witness.key.name) }) != nil {
                logger.info("a witness answers again", metadata: ["witness": .string(witness.key.name)])
            }
            return lines
        } catch {
            if state.withLock({ $0.failing.insert(witness.key.name).inserted }) {
                logger.warning(
                    "a witness did not cosign",
                    metadata: ["witness": .string(witness.key.name), "error": .string("\(error)")])
            }
            return []
        }
    }

    /// One request, and a second one when the witness says that it stands at another size.
    private func cosignatures(of witness: Witness, for checkpoint: Checkpoint) async throws -> [Checkpoint.Signature] {
        for _ in 0..<2 {
            let oldSize = state.withLock { $0.sizes[witness.key.name] } ?? 0
            let path = try await log.consistencyProof(from: oldSize, to: checkpoint.head.size)
            let proof = ConsistencyProof(oldSize: oldSize, path: path, checkpoint: checkpoint)
            let (status, body) = try await post(proof.text, to: witness)
            switch status {
            case 200: return try accept(body, of: witness, for: checkpoint)
            case 409: try learnSize(body, of: witness, for: checkpoint, said: oldSize)
            default: throw WitnessFailure("it answered \(status): \(body.prefix(200))")
            }
        }
        throw WitnessFailure("it changed its size while it was asked; somebody else may be asking for this log")
    }

    private func post(_ text: String, to witness: Witness) async throws -> (status: Int, body: String) {
        var request = HTTPClientRequest(url: witness.url + "/add-checkpoint")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8")
        request.headers.add(name: "User-Agent", value: "nrx-ledger")
        request.body = .bytes(ByteBuffer(string: text))
        let response = try await http.execute(request, timeout: .seconds(Self.answerSecondsMax))
        let body = try await response.body.collect(upTo: Self.answerBytesMax)
        return (Int(response.status.code), String(buffer: body))
    }

    /// The lines by the witness's own key; others are ignored, as C2SP asks.
    private func accept(
        _ body: String, of witness: Witness, for checkpoint: Checkpoint
    ) throws -> [Checkpoint.Signature] {
        let own = try Checkpoint.signatures(reading: body).filter { witness.key.time(of: $0, over: checkpoint) != nil }
        guard let line = own.first else { throw WitnessFailure("its answer holds no cosignature by its key") }
        state.withLock { $0.sizes[witness.key.name] = checkpoint.head.size }
        return [line]
    }

    private func learnSize(
        _ body: String, of witness: Witness, for checkpoint: Checkpoint, said: UInt64
    ) throws(WitnessFailure) {
        let text = body.hasSuffix("\n") ? String(body.dropLast()) : body
        guard let size = UInt64(text), String(size) == text else {
            throw WitnessFailure("it answered 409 without saying its size")
        }
        guard size <= checkpoint.head.size else {
            throw WitnessFailure(
                "it has cosigned \(size) events, more than the \(checkpoint.head.size) that this log has: was the log"
                    + " rolled back?")
        }
        guard size != said else {
            throw WitnessFailure("it has cosigned another tree of \(size) events: there are two histories of this log")
        }
        state.withLock { $0.sizes[witness.key.name] = size }
    }
}

/// Why a witness gave no cosignature.
struct WitnessFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
