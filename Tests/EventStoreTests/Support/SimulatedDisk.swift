import Synchronization

@testable import EventStore

/// SplitMix64: the same seed gives the same faults everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// What goes wrong, and at which operation.
enum Fault: Sendable, Equatable {
    /// Nothing of the operation reaches the page cache; everything after it fails too.
    case crash
    /// About half of a write's sectors get through; everything after it fails.
    case tornCrash
    /// The write says it wrote less than asked.
    case shortWrite
    /// The operation fails once. A failed sync drops what was unsynced from the disk and keeps it in the page cache.
    case error(Int32)
}

/// A disk in memory that keeps apart what was written from what was synced, at sectors of 512 bytes, and directory
/// entries likewise.
final class SimulatedDisk: FileSystem {
    enum Change: Sendable {
        case write(offset: Int, bytes: [UInt8])
        case truncate(Int)
    }

    struct Node: Sendable {
        var cached: [UInt8] = []
        var durable: [UInt8] = []
        var unsynced: [Change] = []
    }

    struct State: Sendable {
        var nodes: [Int: Node] = [:]
        var nextNode = 0
        /// Path to node, as a running system sees it and as the disk has it.
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        var operations = 0
        var faults: [Int: Fault] = [:]
        var isDown = false
        var locked: Set<Int> = []
        var capacity = Int.max
    }

    let state: Mutex<State>
    static let sector = 512

    init(faults: [Int: Fault] = [:]) { state = Mutex(State(faults: faults)) }

    private init(_ survivor: State) { state = Mutex(survivor) }

    /// Operations performed so far.
    var operations: Int { state.withLock { $0.operations } }

    /// The disk after a power cut: what was synced, and of the rest whatever `generator` lets through, sector by sector
    /// and name by name.
    func afterPowerCut(seed: UInt64, keepingNames: Bool = false) -> SimulatedDisk {
        var generator = SeededGenerator(seed: seed)
        return state.withLock { old in
            var state = State()
            state.nextNode = old.nextNode
            for number in old.nodes.keys.sorted() {
                guard let node = old.nodes[number] else { continue }
                var bytes = node.durable
                for change in node.unsynced { Self.apply(change, to: &bytes, generator: &generator) }
                state.nodes[number] = Node(cached: bytes, durable: bytes)
            }
            state.durableNames = old.durableNames
            for name in Set(old.names.keys).union(old.durableNames.keys).sorted()
            where old.names[name] != old.durableNames[name] {
                if keepingNames || Bool.random(using: &generator) { state.durableNames[name] = old.names[name] }
            }
            state.names = state.durableNames
            return SimulatedDisk(state)
        }
    }

    /// The disk after the process died: the page cache stays.
    func afterProcessDeath() -> SimulatedDisk {
        state.withLock { old in
            var state = old
            state.faults = [:]
            state.isDown = false
            state.locked = []
            return SimulatedDisk(state)
        }
    }

    private static func apply(_ change: Change, to bytes: inout [UInt8], generator: inout SeededGenerator) {
        switch change {
        case .truncate(let size):
            if Bool.random(using: &generator) { resize(&bytes, to: size) }
        case .write(let offset, let written):
            var position = 0
            while position < written.count {
                let end = min(written.count, (offset + position) / sector * sector + sector - offset)
                if Bool.random(using: &generator) {
                    if bytes.count < offset + end { resize(&bytes, to: offset + end) }
                    bytes.replaceSubrange((offset + position)..<(offset + end), with: written[position..<end])
                }
                position = end
            }
        }
    }

    static func resize(_ bytes: inout [UInt8], to size: Int) {
        if bytes.count > size { bytes.removeLast(bytes.count - size) }
        bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
    }

    /// Counts an operation and says what goes wrong with it.
    private static func fault(in state: inout State, _ operation: FileError.Operation, _ path: String)
        throws(FileError) -> Fault?
    {
        guard !state.isDown else { throw FileError(operation, path: path, errno: 5) }
        defer { state.operations += 1 }
        guard let fault = state.faults[state.operations] else { return nil }
        switch fault {
        case .crash, .tornCrash: state.isDown = true
        default: break
        }
        return fault
    }

    /// Performs an operation that either happens or fails.
    private func perform<R: Sendable>(
        _ operation: FileError.Operation, _ path: String, _ body: @Sendable (inout State) throws(FileError) -> R
    ) throws(FileError) -> R {
        let result: Result<R, FileError> = state.withLock { state in
            Result { () throws(FileError) in
                switch try Self.fault(in: &state, operation, path) {
                case .crash, .tornCrash: throw FileError(operation, path: path, errno: 5)
                case .error(let number): throw FileError(operation, path: path, errno: number)
                case .shortWrite, nil: return try body(&state)
                }
            }
        }
        return try result.get()
    }

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        let number = try perform(.open, path) { (state) throws(FileError) -> Int in
            if let number = state.names[path] {
                if mode == .replace {
                    state.nodes[number]?.cached = []
                    state.nodes[number]?.unsynced.append(.truncate(0))
                }
                return number
            }
            guard mode != .read else { throw FileError(.open, path: path, errno: 2) }
            let number = state.nextNode
            state.nextNode += 1
            state.nodes[number] = Node()
            state.names[path] = number
            return number
        }
        return SimulatedFile(path: path, node: number, disk: self)
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        try perform(.list, directory) { state in
            state.names.keys.compactMap { name in
                guard name.hasPrefix(directory + "/") else { return nil }
                let rest = name.dropFirst(directory.count + 1)
                return rest.contains("/") ? nil : String(rest)
            }.sorted()
        }
    }

    func createDirectory(_ path: String) throws(FileError) {}

    func rename(_ source: String, to target: String) throws(FileError) {
        try perform(.rename, source) { (state) throws(FileError) in
            guard let number = state.names.removeValue(forKey: source) else {
                throw FileError(.rename, path: source, errno: 2)
            }
            state.names[target] = number
        }
    }

    func remove(_ path: String) throws(FileError) {
        try perform(.remove, path) { state in _ = state.names.removeValue(forKey: path) }
    }

    func syncDirectory(_ path: String) throws(FileError) {
        try perform(.syncDirectory, path) { state in
            let inside = { (name: String) in name.hasPrefix(path + "/") }
            for name in state.durableNames.keys where inside(name) && state.names[name] == nil {
                state.durableNames[name] = nil
            }
            for (name, number) in state.names where inside(name) { state.durableNames[name] = number }
        }
    }

    func exists(_ path: String) throws(FileError) -> Bool {
        state.withLock { $0.names[path] != nil }
    }

    fileprivate func write(_ bytes: [UInt8], node: Int, path: String, at offset: Int) throws(FileError) -> Int {
        let result: Result<Int, FileError> = state.withLock { state in
            Result { () throws(FileError) in
                var count = bytes.count
                let fault = try Self.fault(in: &state, .write, path)
                switch fault {
                case .crash: throw FileError(.write, path: path, errno: 5)
                case .error(let number): throw FileError(.write, path: path, errno: number)
                case .tornCrash:
                    // The page cache, like the disk, takes whole sectors.
                    count = max(0, (offset + bytes.count / 2) / Self.sector * Self.sector - offset)
                case .shortWrite: count = max(1, bytes.count / 2)
                case nil: break
                }
                let used = state.nodes.values.reduce(0) { $0 + $1.cached.count }
                let grows = max(0, offset + count - (state.nodes[node]?.cached.count ?? 0))
                guard used + grows <= state.capacity else { throw FileError(.write, path: path, errno: 28) }
                let part = Array(bytes[..<count])
                if let size = state.nodes[node]?.cached.count, size < offset + count {
                    Self.resize(&state.nodes[node, default: Node()].cached, to: offset + count)
                }
                state.nodes[node]?.cached.replaceSubrange(offset..<(offset + count), with: part)
                state.nodes[node]?.unsynced.append(.write(offset: offset, bytes: part))
                if fault == .tornCrash { throw FileError(.write, path: path, errno: 5) }
                return count
            }
        }
        return try result.get()
    }

    fileprivate func sync(node: Int, path: String) throws(FileError) {
        let result: Result<Void, FileError> = state.withLock { state in
            Result { () throws(FileError) in
                switch try Self.fault(in: &state, .sync, path) {
                case .crash, .tornCrash: throw FileError(.sync, path: path, errno: 5)
                case .error(let number):
                    // The kernel marks the pages clean: the cache shows them, the disk never got them.
                    state.nodes[node]?.unsynced = []
                    throw FileError(.sync, path: path, errno: number)
                case .shortWrite, nil:
                    let cached = state.nodes[node]?.cached ?? []
                    state.nodes[node]?.durable = cached
                    state.nodes[node]?.unsynced = []
                }
            }
        }
        try result.get()
    }

    fileprivate func truncate(node: Int, path: String, to size: Int) throws(FileError) {
        try perform(.truncate, path) { state in
            Self.resize(&state.nodes[node, default: Node()].cached, to: size)
            state.nodes[node]?.unsynced.append(.truncate(size))
        }
    }

    fileprivate func lock(node: Int) -> Bool { state.withLock { $0.locked.insert(node).inserted } }

    fileprivate func unlock(node: Int) { state.withLock { _ = $0.locked.remove(node) } }

    /// The file's content as a running system sees it.
    fileprivate func cached(node: Int) -> [UInt8] { state.withLock { $0.nodes[node]?.cached ?? [] } }

    /// Flips one bit of a file, on disk and in the cache.
    func flip(_ path: String, byte: Int, bit: UInt8) {
        state.withLock { state in
            guard let number = state.names[path] else { return }
            guard var node = state.nodes[number] else { return }
            node.cached[byte] ^= 1 << bit
            node.durable[byte] ^= 1 << bit
            state.nodes[number] = node
        }
    }
}

final class SimulatedFile: File {
    let path: String
    private let node: Int
    private let disk: SimulatedDisk
    private let holdsLock = Mutex(false)

    deinit { if holdsLock.withLock({ $0 }) { disk.unlock(node: node) } }

    init(path: String, node: Int, disk: SimulatedDisk) {
        self.path = path
        self.node = node
        self.disk = disk
    }

    func size() throws(FileError) -> Int { disk.cached(node: node).count }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        let bytes = disk.cached(node: node)
        guard offset < bytes.count else { return 0 }
        let count = min(buffer.count, bytes.count - offset)
        buffer.copyBytes(from: bytes[offset..<(offset + count)])
        return count
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try disk.write(Array(bytes), node: node, path: path, at: offset)
    }

    func sync() throws(FileError) { try disk.sync(node: node, path: path) }
    func truncate(to size: Int) throws(FileError) { try disk.truncate(node: node, path: path, to: size) }
    func lock() throws(FileError) -> Bool {
        let isTaken = disk.lock(node: node)
        if isTaken { holdsLock.withLock { $0 = true } }
        return isTaken
    }
}
