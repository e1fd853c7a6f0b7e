public import Proofs
public import Ledger
import SQLite

/// What a customer used in a day or in a billing cycle.
public struct UsageView: Sendable, Equatable {
    /// `YYYY-MM-DD` for a day, `YYYY-MM` for a cycle.
    public let period: String
    /// Requests, of which the last block may not be used up yet.
    public let requests: Int64
    public let sessions: Int64
    public let execs: Int64
    /// Time in which commands ran, in microseconds.
    public let execMicroseconds: Int64
    public let proofs: Int64
}

/// What `GET /v1/customers/me` needs, in one read.
public struct AccountView: Sendable, Equatable {
    public let customer: CustomerView
    /// Live sessions of the environment asked for.
    public let liveSessions: Int64
    /// What was used in the cycle asked for.
    public let cycle: UsageView
    /// The beginning of the key asked for, as lists show it; nil without one.
    public let keyDisplay: String?

    /// What an account is asked for with.
    struct Question: Hashable {
        let id: CustomerID
        let environment: KeyEnvironment
        let cycle: BillingCycle
        let key: KeyID?
    }
}

/// `usage` and `live_sessions`: what customers used, by period, and how many sessions each has now. Added up in memory
/// and written at the end of each batch.
struct UsageTable {
    static let definition = TableDefinition(
        name: "usage", key: "customer, environment, period",
        sql: """
            CREATE TABLE usage (
                customer INTEGER NOT NULL, environment TEXT NOT NULL, period TEXT NOT NULL, requests INTEGER NOT NULL,
                sessions INTEGER NOT NULL, execs INTEGER NOT NULL, exec_microseconds INTEGER NOT NULL,
                proofs INTEGER NOT NULL, PRIMARY KEY (customer, environment, period)
            ) STRICT, WITHOUT ROWID
            """)
    static let liveDefinition = TableDefinition(
        name: "live_sessions", key: "customer, environment",
        sql: """
            CREATE TABLE live_sessions (
                customer INTEGER NOT NULL, environment TEXT NOT NULL, count INTEGER NOT NULL,
                PRIMARY KEY (customer, environment)
            ) STRICT, WITHOUT ROWID
            """)

    /// What one event adds.
    struct Amount {
        var requests: Int64 = 0
        var sessions: Int64 = 0
        var execs: Int64 = 0
        var execMicroseconds: Int64 = 0
        var proofs: Int64 = 0
        var liveSessions: Int64 = 0
    }

    private struct Owner: Hashable {
        let customer: Int64
        let environment: KeyEnvironment
    }

    private struct Place: Hashable {
        let owner: Owner
        let period: String

        /// The period is left out: an owner has two or three of them between two writes.
        func hash(into hasher: inout Hasher) { hasher.combine(owner.customer) }
    }

    private var amounts: [Place: Amount] = [:]
    private var live: [Owner: Int64] = [:]
    private let add: SQLiteStatement
    private let addLive: SQLiteStatement

    init(on connection: OpaquePointer) throws(ProjectionError) {
        add = try SQLiteStatement(
            """
            INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, sessions = sessions + excluded.sessions,
                execs = execs + excluded.execs, exec_microseconds = exec_microseconds + excluded.exec_microseconds,
                proofs = proofs + excluded.proofs
            """, on: connection)
        addLive = try SQLiteStatement(
            "INSERT INTO live_sessions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            on: connection)
    }

    mutating func count(
        _ amount: Amount, customer: Int64, environment: KeyEnvironment, day: String, cycle: String
    ) {
        let owner = Owner(customer: customer, environment: environment)
        for period in [day, cycle] { amounts[Place(owner: owner, period: period), default: Amount()].add(amount) }
        if amount.liveSessions != 0 { live[owner, default: 0] += amount.liveSessions }
    }

    mutating func flush() throws(ProjectionError) {
        for (place, amount) in amounts {
            try add.run(
                .integer(place.owner.customer), .text(place.owner.environment.rawValue), .text(place.period),
                .integer(amount.requests), .integer(amount.sessions), .integer(amount.execs),
                .integer(amount.execMicroseconds), .integer(amount.proofs))
        }
        for (owner, count) in live {
            try addLive.run(.integer(owner.customer), .text(owner.environment.rawValue), .integer(count))
        }
        amounts.removeAll(keepingCapacity: true)
        live.removeAll(keepingCapacity: true)
    }
}

extension UsageTable.Amount {
    fileprivate mutating func add(_ other: Self) {
        requests += other.requests
        sessions += other.sessions
        execs += other.execs
        execMicroseconds += other.execMicroseconds
        proofs += other.proofs
    }
}

extension UsageView {
    static let columns = "u.period, u.requests, u.sessions, u.execs, u.exec_microseconds, u.proofs"
    static let periods = Query(
        """
        SELECT \(columns) FROM usage u
        WHERE u.customer = ? AND u.environment = ? AND u.period BETWEEN ? AND ? AND length(u.period) = ?
        ORDER BY u.period
        """)
    static let account = Query(
        """
        SELECT c.id, c.event_id, c.sealed_email, c.jurisdiction, c.tier, c.created_at, c.sealed_organisation,
            c.organisation_event_id, coalesce(l.count, 0),
            coalesce(u.requests, 0), coalesce(u.sessions, 0), coalesce(u.execs, 0),
            coalesce(u.exec_microseconds, 0), coalesce(u.proofs, 0),
            (SELECT display FROM api_keys k WHERE k.sequence = ?4 AND k.customer = c.sequence)
        FROM customers c
        LEFT JOIN live_sessions l ON l.customer = c.sequence AND l.environment = ?2
        LEFT JOIN usage u ON u.customer = c.sequence AND u.environment = ?2 AND u.period = ?3
        WHERE c.sequence = ?1 AND c.erased_at IS NULL
        """)

    init(_ row: SQLiteRow) throws(ProjectionError) {
        period = row.text(0)
        requests = row.integer(1)
        sessions = row.integer(2)
        execs = row.integer(3)
        execMicroseconds = row.integer(4)
        proofs = row.integer(5)
    }
}

extension ProjectionStore {
    /// What `customer` used on each day from `first` to `last` (`YYYY-MM-DD`) on which it used anything.
    public func dailyUsage(
        of customer: CustomerID, in environment: KeyEnvironment, from first: String, through last: String
    ) throws(ProjectionError) -> [UsageView] {
        try usage(customer, environment, first, last, length: 10)
    }

    /// What `customer` used in each billing cycle from `first` to `last` (`YYYY-MM`) in which it used anything.
    public func cycleUsage(
        of customer: CustomerID, in environment: KeyEnvironment, from first: String, through last: String
    ) throws(ProjectionError) -> [UsageView] {
        try usage(customer, environment, first, last, length: 7)
    }

    /// The customer with what it has and used, and how the key that asks is shown, in one read.
    public func account(
        _ id: CustomerID, in environment: KeyEnvironment, cycle: BillingCycle, key: KeyID? = nil
    ) throws(ProjectionError) -> AccountView? {
        let question = AccountView.Question(id: id, environment: environment, cycle: cycle, key: key)
        return try accountCache.value(for: question, at: position) { () throws(ProjectionError) in
            try readAccount(question)
        }
    }

    private func readAccount(_ question: AccountView.Question) throws(ProjectionError) -> AccountView? {
        let period = question.cycle.text
        let sequence = question.key.flatMap { keys.find($0)?.sequence }
        return try readers.row(
            UsageView.account,
            [
                rowNumber(of: question.id), .text(question.environment.rawValue), .text(period),
                SQLiteValue(sequence),
            ]
        ) { row throws(ProjectionError) in
            AccountView(
                customer: try CustomerView(row), liveSessions: row.integer(8),
                cycle: UsageView(
                    period: period, requests: row.integer(9), sessions: row.integer(10), execs: row.integer(11),
                    execMicroseconds: row.integer(12), proofs: row.integer(13)), keyDisplay: row.optionalText(14))
        }
    }

    private func usage(
        _ customer: CustomerID, _ environment: KeyEnvironment, _ first: String, _ last: String, length: Int64
    ) throws(ProjectionError) -> [UsageView] {
        try readers.rows(
            UsageView.periods,
            [rowNumber(of: customer), .text(environment.rawValue), .text(first), .text(last), .integer(length)],
            UsageView.init)
    }
}
