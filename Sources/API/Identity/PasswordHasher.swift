import CSodium
import EventStore
import Foundation
import Synchronization

/// Hashes and checks passwords with Argon2id (RFC 9106) on a few threads of its own, so that neither the cooperative pool
/// waits nor more memory is used than ``threadCount`` times the cost's.
final class PasswordHasher: Sendable {
    /// What one hash costs.
    struct Cost: Sendable, Equatable {
        /// Passes over the memory.
        let passes: UInt64
        let memoryBytes: Int

        /// RFC 9106 §4, the second recommended option (3 passes over 64 MiB), on one lane as libsodium has it.
        static let standard = Cost(passes: 3, memoryBytes: 64 << 20)
    }

    /// What checking a password said.
    enum Verdict: Sendable, Equatable {
        case wrong
        case right
        /// Right, but the verifier was made at another cost: hash again.
        case rightButOutdated
    }

    private struct Load {
        var jobs = [Int](repeating: 0, count: PasswordHasher.threadCount)
    }

    /// Hashes at the same time; each takes the cost's memory.
    static let threadCount = 2
    /// Hashes that are under way or wait; beyond, requests are refused instead of queued.
    static let jobsMax = 64

    private let cost: Cost
    private let workers = (0..<PasswordHasher.threadCount).map { SerialWorker(name: "nrx.argon2.\($0)") }
    private let load = Mutex(Load())
    private let computed = Atomic(0)

    /// Argon2id computations so far, dummies included.
    var computations: Int { computed.load(ordering: .relaxed) }

    /// A verifier of today's cost that no password has: salt and hash are random.
    let dummy: String

    init(cost: Cost = .standard) {
        self.cost = cost
        var generator = SystemRandomNumberGenerator()
        func random(_ count: Int) -> String {
            let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            return Data(bytes).base64EncodedString().replacing("=", with: "")
        }
        dummy = "$argon2id$v=19$m=\(cost.memoryBytes >> 10),t=\(cost.passes),p=1$\(random(16))$\(random(32))"
    }

    /// The verifier of `password`, with a salt of its own. One computation.
    ///
    /// - Throws: `unavailable` when too many wait already, or memory is short.
    func verifier(of password: Password) async throws(APIError) -> String {
        try await run { () throws(APIError) in try self.compute(password) }
    }

    /// Whether `password` is the one that `verifier` was made of. One computation; without a verifier too, so that
    /// nobody learns from the time or the load whether there is one.
    ///
    /// - Throws: as ``verifier(of:)``.
    func check(_ password: Password, against verifier: String?) async throws(APIError) -> Verdict {
        let text = verifier ?? dummy
        let verdict: Verdict = try await run { () throws(APIError) in
            self.computed.add(1, ordering: .relaxed)
            let characters = password.bytes.map { CChar(bitPattern: $0) }
            guard crypto_pwhash_str_verify(text, characters, UInt64(characters.count)) == 0 else { return .wrong }
            let isOutdated = crypto_pwhash_str_needs_rehash(text, self.cost.passes, self.cost.memoryBytes) != 0
            return isOutdated ? .rightButOutdated : .right
        }
        return verifier == nil ? .wrong : verdict
    }

    private func compute(_ password: Password) throws(APIError) -> String {
        computed.add(1, ordering: .relaxed)
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let characters = password.bytes.map { CChar(bitPattern: $0) }
        let status = crypto_pwhash_str_alg(
            &text, characters, UInt64(characters.count), cost.passes, cost.memoryBytes, crypto_pwhash_ALG_ARGON2ID13)
        guard status == 0 else { throw Self.overloaded }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Runs `body` on the thread that has least to do.
    private func run<R: Sendable>(_ body: @escaping @Sendable () throws(APIError) -> R) async throws(APIError) -> R {
        let chosen: Int? = load.withLock { load in
            guard load.jobs.reduce(0, +) < Self.jobsMax else { return nil }
            let least = load.jobs.indices.min { load.jobs[$0] < load.jobs[$1] } ?? 0
            load.jobs[least] += 1
            return least
        }
        guard let chosen else { throw Self.overloaded }
        defer { load.withLock { $0.jobs[chosen] -= 1 } }
        return try await workers[chosen].run(body)
    }

    private static let overloaded = APIError(
        .unavailable, "Too many sign-ins at the same time. Try again in a moment.", retryAfterSeconds: 2)
}
