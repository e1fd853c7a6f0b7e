import EventStore
import Ledger
import Proofs
import Synchronization

/// What NanoTerm's clients call their workspaces. A workspace is a live session, and its name lives no longer than that:
/// names are what people type, so they are kept in memory, like the files, and never in the log.
final class WorkspaceDirectory: Sendable {
    /// How a workspace was asked for.
    struct Label: Sendable, Equatable {
        let name: String
        let image: String
        let size: String
    }

    /// A name that is taken, until it is given to a session or given back.
    struct Reservation: Sendable {
        fileprivate let scope: Scope
        fileprivate let name: String
    }

    fileprivate struct Scope: Hashable {
        let customerID: CustomerID
        let environment: KeyEnvironment
    }

    private struct State {
        var labels: [SessionID: Label] = [:]
        /// Whose name it is; nil while its session is being made.
        var names: [Scope: [String: SessionID?]] = [:]
    }

    static let nameBytesMax = 63

    private let ledger: LedgerService
    private let state = Mutex(State())

    init(ledger: LedgerService) { self.ledger = ledger }

    /// Takes a name for a workspace that is about to be made.
    ///
    /// - Throws: `conflict` when a live workspace of the organisation has it; `badRequest` for what is no name.
    func reserve(_ name: String, for caller: Principal) throws(APIError) -> Reservation {
        guard Self.isName(name) else {
            throw APIError(
                .badRequest,
                "`name` must be 1 to \(Self.nameBytesMax) of a-z, A-Z, 0-9, `-`, `_` and `.`, the first a letter or digit.",
                field: "name")
        }
        let scope = Scope(customerID: caller.customerID, environment: caller.environment)
        forgetEnded(in: scope)
        let isTaken = state.withLock { state in
            if state.names[scope]?[name] != nil { return true }
            state.names[scope, default: [:]].updateValue(nil, forKey: name)
            return false
        }
        if isTaken { throw APIError(.conflict, "A workspace named '\(name)' exists already. Choose another name.") }
        return Reservation(scope: scope, name: name)
    }

    /// Gives a reserved name to the session that was made.
    func assign(_ reservation: Reservation, to id: SessionID, _ label: Label) {
        state.withLock { state in
            state.names[reservation.scope]?[reservation.name] = .some(id)
            state.labels[id] = label
        }
    }

    /// Gives a name back: its session could not be made.
    func release(_ reservation: Reservation) {
        state.withLock { state in Self.remove(reservation.name, in: reservation.scope, from: &state) }
    }

    /// What a live session is called; one that was made in another dialect goes by its id.
    func label(of id: SessionID) -> Label {
        state.withLock { $0.labels[id] } ?? Label(name: id.shown(as: "ws_"), image: WorkspaceOffer.image, size: "")
    }

    /// Forgets what ended; there is at most one name for each session that was alive at the last look.
    private func forgetEnded(in scope: Scope) {
        let named = state.withLock { state in state.names[scope]?.compactMapValues { $0 } ?? [:] }
        let ended = ledger.read { ledger in named.filter { ledger.liveSession($0.value) == nil } }
        guard !ended.isEmpty else { return }
        state.withLock { state in
            for (name, id) in ended where state.names[scope]?[name] == .some(.some(id)) {
                Self.remove(name, in: scope, from: &state)
                state.labels[id] = nil
            }
        }
    }

    private static func remove(_ name: String, in scope: Scope, from state: inout State) {
        state.names[scope]?.removeValue(forKey: name)
        if state.names[scope]?.isEmpty == true { state.names[scope] = nil }
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= nameBytesMax, isLetterOrDigit(first) else { return false }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || Array("-_.".utf8).contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

/// What a workspace can be on this server.
enum WorkspaceOffer {
    /// The programs of the server's own system, read-only.
    static let image = "system"
    static let images = [image]

    /// Memory and workspace of a size, in bytes; the workspace always below the memory.
    struct Size: Sendable {
        let name: String
        let memoryBytes: Int64
        let workspaceBytes: Int64
    }

    private static let mebibyte: Int64 = 1 << 20

    static let sizes = [
        Size(name: "xs", memoryBytes: 256 * mebibyte, workspaceBytes: 128 * mebibyte),
        Size(name: "small", memoryBytes: 1_024 * mebibyte, workspaceBytes: 512 * mebibyte),
        Size(name: "medium", memoryBytes: 4_096 * mebibyte, workspaceBytes: 2_048 * mebibyte),
        Size(name: "large", memoryBytes: 8_192 * mebibyte, workspaceBytes: 4_096 * mebibyte),
    ]

    /// The largest size that a plan has room for.
    static func largest(on plan: Plan) -> Size? { sizes.last { fits($0, plan) } }

    static func fits(_ size: Size, _ plan: Plan) -> Bool {
        size.memoryBytes <= plan.memoryBytes && size.workspaceBytes <= plan.workspaceBytes
    }
}
