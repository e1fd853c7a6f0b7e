import EventStore
import Synchronization

/// A disk in memory that keeps apart what was written from what was synced, at sectors of 512 bytes, and directory
/// entries likewise.
final class SimulatedDisk: FileSystem {
    enum Change: Sendable {
        case write(offset: Int, bytes: [UInt8])
        case truncate(Int)
    }

    struct Node: Sendable {
        /// What a running system reads.
        var cached: [UInt8] = []
        /// What the platter holds for certain.
        var durable: [UInt8] = []
        /// What may or may not have reached it, in any order.
        var unsynced: [Change] = []
    }

    struct State: Sendable {
        var nodes: [Int: Node] = [:]
        var nextNode = 0
        /// Path to node, as a running system sees it and as the disk has it.
        var names: [String: Int] = [:]
        var durableNames: [String: Int] = [:]
        var operations = 0
        var operationsByKind: [FileError.Operation: Int] = [:]
        var plan = FaultPlan()
        var fired: [FiredFault] = []
        var isDown = false
        var locked: Set<Int> = []
        var capacity = Int.max
        var generator = SeededGenerator(seed: 0)

        var faults: [Int: Fault] {
            get { plan.byNumber }
            set { plan.byNumber = newValue }
        }
    }

    let state: Mutex<State>
    /// The unit that is written whole or not at all, in bytes.
    static let sector = 512

    init(faults: [Int: Fault] = [:]) { state = Mutex(State(plan: FaultPlan(byNumber: faults))) }

    private init(_ survivor: State) { state = Mutex(survivor) }

    /// Operations performed so far.
    var operations: Int { state.withLock { $0.operations } }

    /// The faults that happened so far.
    var fired: [FiredFault] { state.withLock { $0.fired } }

    /// The disk after a power cut: what was synced, and of the rest whatever `seed` lets through, sector by sector and
    /// name by name, in no order.
    func afterPowerCut(seed: UInt64, plan: FaultPlan = FaultPlan()) -> SimulatedDisk {
        var generator = SeededGenerator(seed: seed)
        return state.withLock { old in
            var state = State()
            state.nextNode = old.nextNode
            state.durableNames = old.durableNames
            for name in Set(old.names.keys).union(old.durableNames.keys).sorted()
            where old.names[name] != old.durableNames[name] && Bool.random(using: &generator) {
                state.durableNames[name] = old.names[name]
            }
            state.names = state.durableNames
            for number in Set(state.names.values).sorted() {
                guard let node = old.nodes[number] else { continue }
                var bytes = node.durable
                for change in node.unsynced { Self.apply(change, to: &bytes, generator: &generator) }
                state.nodes[number] = Node(cached: bytes, durable: bytes)
            }
            state.plan = plan
            state.generator = generator
            return SimulatedDisk(state)
        }
    }

    /// The disk after the process died: the page cache stays.
    func afterProcessDeath(plan: FaultPlan = FaultPlan()) -> SimulatedDisk {
        state.withLock { old in
            var state = old
            state.plan = plan
            state.fired = []
            state.operations = 0
            state.operationsByKind = [:]
            state.isDown = false
            state.locked = []
            return SimulatedDisk(state)
        }
    }

    /// Applies a random part of a change, sector by sector.
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
        let ordinal = state.operationsByKind[operation, default: 0]
        defer {
            state.operations += 1
            state.operationsByKind[operation] = ordinal + 1
        }
        guard let fault = state.plan.fault(number: state.operations, operation: operation, ordinal: ordinal) else {
            return nil
        }
        state.fired.append(FiredFault(fault: fault, operation: operation))
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

    /// Directories are nothing but the beginnings of paths here.
    func createDirectory(_ path: String) throws(FileError) { try perform(.createDirectory, path) { _ in } }

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
        try perform(.open, path) { $0.names[path] != nil }
    }

    /// Flips one bit of a file, on disk and in the cache.
    func flip(_ path: String, byte: Int, bit: UInt8) {
        state.withLock { state in
            guard let number = state.names[path], var node = state.nodes[number] else { return }
            node.cached[byte] ^= 1 << bit
            node.durable[byte] ^= 1 << bit
            state.nodes[number] = node
        }
    }

    /// Every file as a running system sees it: path and length.
    var files: [(path: String, bytes: Int)] {
        state.withLock { state in
            state.names.map { ($0.key, state.nodes[$0.value]?.cached.count ?? 0) }.sorted { $0.0 < $1.0 }
        }
    }
}

// What files ask of their disk.
extension SimulatedDisk {
    fileprivate func size(node: Int, path: String) throws(FileError) -> Int {
        try perform(.read, path) { $0.nodes[node]?.cached.count ?? 0 }
    }

    /// Up to `count` bytes of the file as a running system sees it; a short read brings half of them.
    fileprivate func read(node: Int, path: String, at offset: Int, count: Int) throws(FileError) -> ArraySlice<UInt8> {
        let result: Result<ArraySlice<UInt8>, FileError> = state.withLock { state in
            Result { () throws(FileError) in
                let fault = try Self.fault(in: &state, .read, path)
                switch fault {
                case .crash, .tornCrash: throw FileError(.read, path: path, errno: 5)
                case .error(let number): throw FileError(.read, path: path, errno: number)
                case .shortWrite, nil: break
                }
                let bytes = state.nodes[node]?.cached ?? []
                guard offset < bytes.count else { return [] }
                var length = min(count, bytes.count - offset)
                if fault == .shortWrite { length = max(1, length / 2) }
                return bytes[offset..<(offset + length)]
            }
        }
        return try result.get()
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
                if state.capacity < Int.max {
                    try Self.checkRoom(in: state, node: node, path: path, end: offset + count)
                }
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

    private static func checkRoom(in state: State, node: Int, path: String, end: Int) throws(FileError) {
        let used = state.names.values.reduce(0) { $0 + (state.nodes[$1]?.cached.count ?? 0) }
        let grows = max(0, end - (state.nodes[node]?.cached.count ?? 0))
        guard used + grows <= state.capacity else { throw FileError(.write, path: path, errno: 28) }
    }

    fileprivate func sync(node: Int, path: String) throws(FileError) {
        let result: Result<Void, FileError> = state.withLock { state in
            Result { () throws(FileError) in
                switch try Self.fault(in: &state, .sync, path) {
                case .crash, .tornCrash: throw FileError(.sync, path: path, errno: 5)
                case .error(let number):
                    // The kernel marks the pages clean: the cache shows them, the disk got some of them or none.
                    var durable = state.nodes[node]?.durable ?? []
                    for change in state.nodes[node]?.unsynced ?? [] {
                        Self.apply(change, to: &durable, generator: &state.generator)
                    }
                    state.nodes[node]?.durable = durable
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

    fileprivate func lock(node: Int, path: String) throws(FileError) -> Bool {
        try perform(.lock, path) { $0.locked.insert(node).inserted }
    }

    fileprivate func unlock(node: Int) { state.withLock { _ = $0.locked.remove(node) } }
}

/// An open file of a ``SimulatedDisk``.
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

    func size() throws(FileError) -> Int { try disk.size(node: node, path: path) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        let bytes = try disk.read(node: node, path: path, at: offset, count: buffer.count)
        buffer.copyBytes(from: bytes)
        return bytes.count
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try disk.write(Array(bytes), node: node, path: path, at: offset)
    }

    func sync() throws(FileError) { try disk.sync(node: node, path: path) }
    func truncate(to size: Int) throws(FileError) { try disk.truncate(node: node, path: path, to: size) }
    func lock() throws(FileError) -> Bool {
        let isTaken = try disk.lock(node: node, path: path)
        if isTaken { holdsLock.withLock { $0 = true } }
        return isTaken
    }
}
