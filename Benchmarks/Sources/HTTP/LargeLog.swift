import ArgumentParser
import EventStore
import Foundation
import Ledger
import Merkle
import Proofs
import Vault

/// A log of many customers who have signed up, as a server would have written it: for how a server does with them.
enum LargeLog {
    /// Events in one commit.
    private static let eventsPerAppend = 2_000

    /// Makes a data directory with the program's own vault, and appends the customers to its log.
    ///
    /// They have no data keys, so nobody can read their e-mails; nobody asks.
    static func generate(customers: Int, in directory: String, program: String) async throws {
        let parent = URL(filePath: directory).deletingLastPathComponent().path(percentEncoded: false)
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try RunningServer(program: program, in: parent).process.stop()
        let vault = try Vault.open(directory: directory + "/vault")
        let log = try EventLog.open(
            directory: directory + "/log", signer: vault, keeper: vault, clock: SystemClock.now,
            newEventID: SampleEvents.newEventID,
            visit: { _ in })
        var drafts: [EventDraft] = []
        drafts.reserveCapacity(eventsPerAppend)
        for number in 0..<customers {
            drafts += signUp(number)
            if drafts.count >= eventsPerAppend || number == customers - 1 {
                _ = try await log.append(drafts)
                drafts.removeAll(keepingCapacity: true)
            }
        }
        try await log.close()
        try await vault.close()
    }

    private static func signUp(_ number: Int) -> [EventDraft] {
        var generator = SystemRandomNumberGenerator()
        let (customer, key) = (CustomerID(using: &generator), KeyID(using: &generator))
        // As long as a sealed address is.
        let sealed = String(repeating: "A", count: 140)
        let created = CustomerCreated(jurisdiction: .unitedStates, sealedEmail: sealed, tier: .free)
        let issued = KeyIssued(
            customerID: customer, display: "nrx_live_a1b2", environment: .live, expiresAt: nil, keyID: key,
            name: "default", permissions: .full, prefix: .nanorixLive, secretSHA256: Hash(of: Array("\(number)".utf8)))
        return [draft(created, customer), draft(issued, customer)]
    }

    private static func draft(_ payload: some EventPayload, _ customer: CustomerID) -> EventDraft {
        EventDraft(
            id: SampleEvents.newEventID(), at: SystemClock.now(), actor: "system", stream: customer.text,
            trace: "req_0123456789abcdef", type: type(of: payload).type, version: type(of: payload).version,
            content: payload)
    }
}

/// `nrx-bench generate-customers`.
struct GenerateCustomers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate-customers",
        abstract: "Make a data directory whose log holds many customers, to try a server with.")

    @Option(help: "The data directory to make.") var dataDir: String
    @Option(help: "How many customers.") var customers = 1_000_000
    @Option(help: "The nrx-server program; without, the one beside this program.") var server: String?

    func run() async throws {
        try await LargeLog.generate(
            customers: customers, in: dataDir, program: server ?? Benchmark.besideThisProgram("nrx-server"))
        print("\(dataDir): \(customers) customers")
    }
}
