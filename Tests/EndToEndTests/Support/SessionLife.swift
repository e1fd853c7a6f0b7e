import CanonicalJSON
import ServerFixtures
import Synchronization
import Testing

/// One customer's session from its creation to its proof, again and again.
struct SessionLife: Sendable {
    /// What a session is going through.
    enum Moment: CaseIterable {
        case create, execute, files, destroy

        /// About how long the request takes: a kill within that time meets it at work, or just done.
        var microseconds: Int {
            switch self {
            case .create: 20_000
            case .execute: 30_000
            case .files: 40_000
            case .destroy: 30_000
            }
        }
    }

    private let server: ServerProcess
    private let key: String
    private let witness: LifeWitness

    /// Signs a customer up.
    init(_ server: ServerProcess, email: String, witness: LifeWitness) async throws {
        let answer = try await server.send("POST", "/v1/signup", ["email": .string(email)])
        try #require(answer.status == 201, "\(answer)")
        self.server = server
        self.witness = witness
        key = try #require(answer["api_key"]?.string)
        witness.signedUp(try #require(answer["customer_id"]?.string), key: key)
    }

    /// A whole life: a session with processes, files and a proof.
    ///
    /// - Parameter reached: called just before each request.
    func live(_ reached: (Moment) -> Void = { _ in }) async throws {
        reached(.create)
        let session = try await server.createSession(key)
        witness.created(session)
        reached(.execute)
        let busy = "sleep 300 & setsid sleep 300 & head -c 300000 /dev/urandom > secret; sleep 0.01"
        try await expect(200, server.execute("{ \(busy); } > /dev/null 2>&1", in: session, key: key))
        reached(.files)
        let input = String(repeating: "a line of input\n", count: 60_000)
        let command = "mkdir -p d; for n in 1 2 3 4 5 6; do cp input/data d/$n; done"
        let body: JSONValue = ["command": .string(command), "input_data": .string(input)]
        try await expect(200, server.send("POST", "/v1/sessions/\(session)/exec", key: key, body))
        reached(.destroy)
        let answer = try await expect(200, server.send("DELETE", "/v1/sessions/\(session)", key: key))
        if let proof = answer["cdp"] { witness.destroyed(session, proof) }
    }

    @discardableResult
    private func expect(_ status: Int, _ answer: Answer) throws -> Answer {
        try #require(answer.status == status, "\(answer)")
        return answer
    }
}

/// What servers acknowledged before they were killed.
final class LifeWitness: Sendable {
    private struct State {
        var keys: [String: String] = [:]
        var created: [String] = []
        var proofs: [String: JSONValue] = [:]
    }

    private let state = Mutex(State())

    func signedUp(_ customer: String, key: String) { state.withLock { $0.keys[customer] = key } }
    func created(_ session: String) { state.withLock { $0.created.append(session) } }
    func destroyed(_ session: String, _ proof: JSONValue) { state.withLock { $0.proofs[session] = proof } }

    var created: [String] { state.withLock { $0.created } }
    func key(of customer: String) -> String? { state.withLock { $0.keys[customer] } }
    func proof(of session: String) -> JSONValue? { state.withLock { $0.proofs[session] } }
}
