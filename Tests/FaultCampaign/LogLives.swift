import Merkle

@testable import EventStore

/// One log on one disk over several openings, each with faults of its own, all of it decided by one seed, held against
/// the plainest model: the list of acknowledged events.
///
/// After every opening that succeeds, the log must hold exactly what was acknowledged, or that and one whole batch
/// whose acknowledgement a fault prevented. An opening may fail only with an error that a fault explains.
struct LogLives {
    static let directory = "log"
    static let segmentBytes = 4096

    let seed: UInt64
    private let wrap: @Sendable (SimulatedDisk) -> any FileSystem
    private let signer: CampaignSigner
    private let keeper = CampaignHeadKeeper()
    private var generator: SeededGenerator
    private var disk = SimulatedDisk()
    /// The model.
    private var acknowledged: [Int] = []
    /// Events of the one batch that was neither acknowledged nor refused for certain.
    private var inDoubt: [Int] = []
    private var nextNumber = 0
    private(set) var counts = CampaignCounts()

    /// - Parameter wrap: puts something between log and disk, for disks that lie.
    init(seed: UInt64, signer: CampaignSigner, wrap: @escaping @Sendable (SimulatedDisk) -> any FileSystem = { $0 }) {
        self.seed = seed
        self.signer = signer
        self.wrap = wrap
        generator = SeededGenerator(seed: seed)
    }

    /// Lives all lives.
    ///
    /// - Throws: ``Violation`` when the log is not what the model says.
    mutating func run() throws {
        // A quarter of the logs are long enough for full tiles.
        let batchEventsMax = Int.random(in: 0..<4, using: &generator) == 0 ? 90 : 5
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            disk = died(with: somePlan())
            try liveOnce(batchEventsMax: batchEventsMax)
            counts.note(disk.fired)
            if Int.random(in: 0..<3, using: &generator) == 0 { try probeBitFlip() }
        }
        // At last a disk without faults: everything must be there, and the log must go on.
        disk = died(with: FaultPlan())
        try liveOnce(batchEventsMax: batchEventsMax)
        disk = died(with: FaultPlan())
        guard let opened = try open(disk) else { throw violation(.refused, "the last opening was refused") }
        try settle(opened.numbers)
    }

    /// What is left of the disk after the process died, or the power went.
    private mutating func died(with plan: FaultPlan) -> SimulatedDisk {
        if Bool.random(using: &generator) {
            counts.processDeaths += 1
            return disk.afterProcessDeath(plan: plan)
        }
        counts.powerCuts += 1
        return disk.afterPowerCut(seed: generator.next(), plan: plan)
    }

    /// One fault mostly, sometimes none or two, at some operation or at some operation of one kind.
    private mutating func somePlan() -> FaultPlan {
        var plan = FaultPlan()
        for _ in 0..<([0, 1, 1, 1, 2][Int.random(in: 0..<5, using: &generator)]) {
            let fault = [Fault.crash, .tornCrash, .shortWrite, .error(5), .error(28)][
                Int.random(in: 0..<5, using: &generator)]
            if Bool.random(using: &generator) {
                plan.byNumber[Int.random(in: 0..<160, using: &generator)] = fault
            } else {
                let kinds = FileError.Operation.kinds
                let kind = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
                plan.byKind[kind, default: [:]][Int.random(in: 0..<12, using: &generator)] = fault
            }
        }
        return plan
    }

    private mutating func liveOnce(batchEventsMax: Int) throws {
        guard let opened = try open(disk) else { return }
        try settle(opened.numbers)
        var session = LogSession(opened.log, fileSystem: wrap(disk), signer: signer, keeper: keeper)
        for _ in 0..<Int.random(in: 3...14, using: &generator) {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<6: if try !commit(to: &session, batchEventsMax: batchEventsMax) { return }
            case 6: session.sign(counting: &counts)
            case 7: session.recompress(counting: &counts)
            default: try readBack(from: session)
            }
        }
        if Bool.random(using: &generator) { session.close() }
    }

    /// Opens a log and reads all of it.
    ///
    /// - Returns: nil when it was refused for a reason that a fault explains.
    private mutating func open(_ disk: SimulatedDisk) throws -> (log: LogOpener.OpenedLog, numbers: [Int])? {
        counts.openings += 1
        var numbers: [Int] = []
        do {
            let log = try Self.opener(wrap(disk)).open(signer: signer, keeper: keeper) { events in
                numbers += LifeEvents.numbers(of: events)
            }
            return (try LifeEvents.begun(log, key: signer.verifierKey), numbers)
        } catch {
            guard error.code == .io, !disk.fired.isEmpty else { throw violation(Self.kind(of: error), "\(error)") }
            counts.openingsRefused += 1
            return nil
        }
    }

    /// No bit was flipped here: where a log finds itself damaged or too short, acknowledged events are gone.
    private static func kind(of error: EventLogError) -> Violation.Kind {
        switch error.code {
        case .damaged, .rolledBack, .foreign: .lost
        default: .refused
        }
    }

    static func opener(_ fileSystem: any FileSystem) -> LogOpener {
        var configuration = EventLogConfiguration()
        configuration.segmentBytes = segmentBytes
        return LogOpener(
            directory: directory, fileSystem: fileSystem, configuration: configuration, now: LifeEvents.start)
    }

    /// Holds what an opening found against the model; what it found is then the truth.
    private mutating func settle(_ found: [Int]) throws {
        if found == acknowledged + inDoubt {
            counts.unacknowledgedKept += inDoubt.count
        } else if found != acknowledged {
            let kept = zip(found, acknowledged).prefix { $0 == $1 }.count
            let lost = acknowledged.count - kept
            throw violation(
                lost > 0 ? .lost : .invented,
                "\(acknowledged.count) events were acknowledged and \(inDoubt.count) in doubt, \(found.count) were"
                    + " found, of which the first \(kept) are right")
        }
        acknowledged = found
        inDoubt = []
    }

    /// - Returns: false when the log is poisoned.
    private mutating func commit(to session: inout LogSession, batchEventsMax: Int) throws -> Bool {
        let count = Int.random(in: 1...batchEventsMax, using: &generator)
        let numbers = Array(nextNumber..<(nextNumber + count))
        nextNumber += count
        let paddingMax = batchEventsMax > 5 ? 20 : 600
        let drafts = numbers.map {
            LifeEvents.draft($0, padding: Int.random(in: 0...paddingMax, using: &generator), using: &generator)
        }
        do {
            try session.commit(drafts)
            acknowledged += numbers
            counts.commits += 1
            counts.eventsAcknowledged += numbers.count
            return true
        } catch {
            guard error.code == .io, !disk.fired.isEmpty else { throw violation(.refused, "\(error)") }
            inDoubt = numbers
            try session.checkPoisoned { violation(.invented, "a poisoned log acknowledged") }
            return false
        }
    }

    /// Reads from a random position, as a subscriber that fell behind would.
    private mutating func readBack(from session: LogSession) throws {
        guard !acknowledged.isEmpty else { return }
        let position = Int.random(in: 0..<acknowledged.count, using: &generator)
        do {
            // Event 0 is log.created.
            let numbers = LifeEvents.numbers(of: try session.read(from: position + 1, count: 8))
            counts.reads += 1
            guard !numbers.isEmpty, acknowledged[position...].starts(with: numbers) else {
                throw violation(.lost, "reading event \(position) of an open log brought \(numbers.prefix(3))")
            }
        } catch let error as EventLogError {
            guard error.code == .io, !disk.fired.isEmpty else { throw violation(.refused, "\(error)") }
        }
    }

    func violation(_ kind: Violation.Kind, _ message: String) -> Violation {
        Violation(seed: seed, kind: kind, message: message)
    }
}

// Bits that flip while nobody looks.
extension LogLives {
    /// Flips one bit of some file of a copy of the disk. Opening the copy must refuse and name the place, or show exactly
    /// what the model says: a bit of an unacknowledged write, of unused space or of a derived file costs nothing.
    private mutating func probeBitFlip() throws {
        let copy = disk.afterPowerCut(seed: generator.next())
        let files = copy.files.filter { file in
            file.bytes > 0 && !file.path.contains("/.tmp-") && !file.path.contains("/cut-")
                && !file.path.hasSuffix("/lock")
        }
        guard !files.isEmpty else { return }
        let file = files[Int.random(in: 0..<files.count, using: &generator)]
        let byte = Int.random(in: 0..<file.bytes, using: &generator)
        copy.flip(file.path, byte: byte, bit: UInt8.random(in: 0..<8, using: &generator))
        counts.bitFlips += 1
        var numbers: [Int] = []
        let place = "bit flip in byte \(byte) of \(file.path)"
        do {
            let log = try Self.opener(wrap(copy)).open(signer: signer, keeper: keeper) { events in
                numbers += LifeEvents.numbers(of: events)
            }
            guard numbers == acknowledged || numbers == acknowledged + inDoubt else {
                throw violation(.silent, "\(place): accepted with \(numbers.count) events of \(acknowledged.count)")
            }
            try checkTiles(log, place)
            counts.bitFlipsHarmless += 1
        } catch let error as EventLogError {
            guard error.file == file.path, error.offset.map({ $0 <= byte }) ?? true,
                error.code == .damaged && error.sequences != nil || error.code == .foreign
            else { throw violation(.silent, "\(place): refused without its place: \(error)") }
            counts.bitFlipsRefused += 1
        }
    }

    /// The tiles must lead to the tree's root whatever stood in their files.
    private func checkTiles(_ log: LogOpener.OpenedLog, _ place: String) throws {
        let size = log.head.size
        guard size > 0 else { return }
        guard try MerkleProof.root(start: 0, count: size, from: log.tiles) == log.head.root else {
            throw violation(.silent, "\(place): the tiles do not lead to the root")
        }
    }
}

/// The log was not what the model says.
public struct Violation: Error, Sendable, Codable, CustomStringConvertible {
    public enum Kind: String, Sendable, Codable {
        /// Acknowledged events are gone or changed.
        case lost
        /// Events are there that were refused or never written.
        case invented
        /// The log refused to open or to write, and no fault explains it.
        case refused
        /// A flipped bit was accepted, or refused without saying where.
        case silent
    }

    public let seed: UInt64
    public let kind: Kind
    public let message: String

    public var description: String { "seed \(seed): \(kind.rawValue): \(message)" }
}
