import AsyncHTTPClient
import CanonicalJSON
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization

/// Many clients, each of whom does whatever comes up, one thing after the other, without a pause.
final class SoakLoad: Sendable {
    private struct State {
        var counts: [String: Int] = [:]
        var refused = 0
        var failures: [String] = []
        var proofs: [SoakCustomer: [String]] = [:]
    }

    /// Failures that are shown.
    private static let failuresMax = 20
    /// Proofs remembered for each customer, to be asked for again.
    private static let proofsMax = 32
    /// Customers on a plan without limits, and on one whose limits are reached at once.
    private static let customersUnlimited = 6
    private static let customersFree = 2

    let hasSessions: Bool
    private let url: String
    private let clients: Int
    private let customers: [SoakCustomer]
    private let state = Mutex(State())

    init(server: RunningServer, clients: Int) throws {
        (url, self.clients) = (server.url, clients)
        var customers: [SoakCustomer] = []
        for _ in 0..<Self.customersUnlimited {
            customers.append(SoakCustomer(key: try server.signUp(plan: "enterprise").key, isLimited: false))
        }
        for _ in 0..<Self.customersFree {
            customers.append(SoakCustomer(key: try server.signUp(plan: "free").key, isLimited: true))
        }
        self.customers = customers
        let probe = try server.post("/v1/sessions", "{}", key: customers[0].key)["session_id"]?.string
        hasSessions = probe != nil
        if let probe { _ = try server.request("DELETE", "/v1/sessions/\(probe)", key: customers[0].key) }
    }

    /// What went wrong, each once, at most so many.
    var failures: [String] { state.withLock { $0.failures } }

    /// Loads the server until `seconds` have passed.
    func run(seconds: Double) async throws {
        let end = ContinuousClock.now.advanced(by: .seconds(seconds))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<clients {
                group.addTask {
                    while ContinuousClock.now < end {
                        do { try await self.doSomething() } catch { self.fail("\(error)") }
                    }
                }
            }
        }
    }

    /// Answers a second, by kind.
    func report(seconds: Double) -> String {
        state.withLock { state in
            let all = state.counts.values.reduce(0, +)
            let lines = state.counts.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
            return "\(all) answers, \(rateText(Double(all) / seconds)), \(state.refused) of them 429\n"
                + lines.joined(separator: "\n")
        }
    }

    private func fail(_ what: String) {
        state.withLock { state in
            if state.failures.count < Self.failuresMax, !state.failures.contains(what) { state.failures.append(what) }
        }
    }

    // MARK: - What clients do

    private func doSomething() async throws {
        let customer = customers[Int.random(in: 0..<customers.count)]
        switch Int.random(in: 0..<100) {
        case 0..<40: try await ask(customer, "GET", "/v1/customers/me")
        case 40..<50:
            try await ask(
                customer, "GET",
                ["/v1/sessions", "/v1/events?limit=20", "/v1/usage", "/v1/api-keys"].randomElement() ?? "/v1/usage")
        case 50..<65: try await readAProof(of: customer)
        case 65..<70: try await signUpTwice()
        case 70..<76: try await makeAndRevokeAKey(customer)
        case 76..<80: try await changeTheAccount(customer)
        default: try await liveASession(customer)
        }
    }

    private func readAProof(of customer: SoakCustomer) async throws {
        let known = state.withLock { $0.proofs[customer]?.randomElement() }
        guard let session = known else {
            // Without isolation health is rightly degraded.
            return try await hasSessions
                ? ask(nil, "GET", "/v1/health") : ask(nil, "GET", "/v1/log/inclusion?index=0")
        }
        let (status, body) = try await request(customer, "GET", "/v1/proofs/\(session)")
        guard status == 200 else { return }
        let (_, verdict) = try await request(nil, "POST", "/v1/verify", bytes: body.canonicalBytes)
        if verdict["valid"] != true { fail("a proof does not verify: \(verdict.canonicalText)") }
    }

    /// Two sign-ups with one idempotency key at the same time are one customer.
    private func signUpTwice() async throws {
        let body = Array(#"{"email":"soak\#(UInt64.random(in: 0...UInt64.max))@example.com"}"#.utf8)
        let headers = [("Idempotency-Key", UUID().uuidString)]
        async let first = request(nil, "POST", "/v1/signup", bytes: body, headers: headers)
        async let second = request(nil, "POST", "/v1/signup", bytes: body, headers: headers)
        let (one, two) = try await (first, second)
        if one.status == 201, two.status == 201, one.body != two.body { fail("one sign-up got two answers") }
        guard one.status == 201, Bool.random(), let key = one.body["api_key"]?.string, let id = one.body["customer_id"]
        else { return }
        let confirmed: JSONValue = ["confirm": id]
        let customer = SoakCustomer(key: key, isLimited: true)
        try await ask(customer, "DELETE", "/v1/customers/me", bytes: confirmed.canonicalBytes)
    }

    private func makeAndRevokeAKey(_ customer: SoakCustomer) async throws {
        let made = try await request(customer, "POST", "/v1/api-keys", bytes: Array(#"{"name":"soak"}"#.utf8))
        guard made.status == 201, let id = made.body["id"]?.string else { return }
        try await ask(customer, "POST", "/v1/api-keys/\(id)/rotate", bytes: Array("{}".utf8))
        try await ask(customer, "DELETE", "/v1/api-keys/\(id)", isInsisting: true)
    }

    private func changeTheAccount(_ customer: SoakCustomer) async throws {
        let jurisdiction = ["US", "EU", "UK", "CA"].randomElement() ?? "US"
        try await ask(customer, "PATCH", "/v1/customers/me", bytes: Array(#"{"jurisdiction":"\#(jurisdiction)"}"#.utf8))
    }

    private func liveASession(_ customer: SoakCustomer) async throws {
        // A plan with a limit of proofs would soon answer 402, which is no fault.
        guard hasSessions, !customer.isLimited else { return try await ask(customer, "GET", "/v1/usage") }
        let made = try await request(
            customer, "POST", "/v1/sessions", bytes: Array(#"{"data_classification":"PHI"}"#.utf8))
        guard made.status == 201, let id = made.body["session_id"]?.string else { return }
        let command = Array(#"{"command":"cat input/data > copy; wc -c < copy","input_data":"soak"}"#.utf8)
        let ran = try await request(customer, "POST", "/v1/sessions/\(id)/exec", bytes: command)
        if ran.status == 200, ran.body["stdout"] != "4\n" { fail("a command answered \(ran.body.canonicalText)") }
        let ended = try await request(customer, "DELETE", "/v1/sessions/\(id)")
        guard ended.status == 200 else { return }
        state.withLock { state in
            state.proofs[customer, default: []].append(id)
            if state.proofs[customer, default: []].count > Self.proofsMax { state.proofs[customer]?.removeFirst() }
        }
    }

    // MARK: - Requests

    private func ask(
        _ customer: SoakCustomer?, _ method: String, _ path: String, bytes: [UInt8]? = nil, isInsisting: Bool = false
    ) async throws {
        for _ in 0..<(isInsisting ? 100 : 1) {
            let answer = try await request(customer, method, path, bytes: bytes)
            if answer.status != 429 { return }
            if isInsisting { try await Task.sleep(for: .seconds(1)) }
        }
    }

    /// Every answer is a success or a 429; anything else is remembered as a failure.
    private func request(
        _ customer: SoakCustomer?, _ method: String, _ path: String, bytes: [UInt8]? = nil,
        headers: [(String, String)] = []
    ) async throws -> (status: Int, body: JSONValue) {
        var request = HTTPClientRequest(url: url + path)
        request.method = HTTPMethod(rawValue: method)
        if let customer { request.headers.add(name: "Authorization", value: "Bearer \(customer.key)") }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let bytes {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: bytes))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 16 << 20)
        let status = Int(response.status.code)
        let value = try JSONReader.read(Array(body.readableBytesView), numbers: .ieee754)
        let kind = "\(method) \(path.split(separator: "?")[0].replacing(/(sess|key)_[0-9a-f]{32}/, with: ":id"))"
        state.withLock { state in
            state.counts[kind, default: 0] += 1
            if status == 429 { state.refused += 1 }
        }
        if !(200..<300).contains(status), status != 429 { fail("\(kind): \(status) \(value["message"]?.string ?? "")") }
        return (status, value)
    }
}

/// A customer of the soak.
struct SoakCustomer: Hashable, Sendable {
    let key: String
    /// Whether its plan has limits.
    let isLimited: Bool
}
