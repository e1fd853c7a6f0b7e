import Foundation
import Synchronization
import Testing

@testable import EventStore

@Suite("Tasks on the log's own thread")
struct LogExecutorTests {
    /// The name of the thread that this is called on.
    private static func threadName() -> String {
        let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
        return name?.trimmingCharacters(in: .newlines) ?? "unknown"
    }

    @Test("a task that prefers the log's executor appends and goes on there, and what it appends is durable in order")
    func appendsInPlace() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        let names = try await withTaskExecutorPreference(log.executor) {
            var names: Set<String> = [Self.threadName()]
            for number in 0..<50 {
                let receipt = try await log.append([draft(number)])
                #expect(receipt.firstSequence == UInt64(number + 1) && receipt.head.size >= receipt.firstSequence + 1)
                names.insert(Self.threadName())
            }
            return names
        }
        #expect(names == ["nrx-writer"])
        #expect(try await log.read(from: 1, count: 50).map(\.event) == (0..<50).map { draft($0) })
        try await log.close()
    }

    @Test("tasks there and tasks elsewhere append to the same log at the same time")
    func mixed() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        let places = try await withThrowingTaskGroup(of: [UInt64].self) { group in
            for writer in 0..<16 {
                let executor: (any TaskExecutor)? = writer.isMultiple(of: 2) ? log.executor : nil
                group.addTask(executorPreference: executor) {
                    var places: [UInt64] = []
                    for index in 0..<25 {
                        places.append(try await log.append([draft(writer * 25 + index)]).firstSequence)
                    }
                    return places
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(places.sorted() == Array(1...400))
        try await log.close()
    }

    @Test("after the log was closed, also from such a task, tasks that prefer its executor run elsewhere")
    func closed() async throws {
        let directory = try TemporaryDirectory()
        let log = try openLog(directory.path)
        let name = try await withTaskExecutorPreference(log.executor) {
            _ = try await log.append([draft(0)])
            try await log.close()
            await Task.yield()
            return Self.threadName()
        }
        #expect(name != "nrx-writer")
        let refusal = await withTaskExecutorPreference(log.executor) { () -> EventLogError.Code? in
            do throws(EventLogError) { _ = try await log.append([draft(1)]) } catch { return error.code }
            return nil
        }
        #expect(refusal == .closed)
    }

    @Test("when a sync fails, tasks that prefer the executor get the error and run on elsewhere")
    func failed() async throws {
        let directory = try TemporaryDirectory()
        let disk = FailingDisk()
        let signer = try TestSigner()
        let log = try EventLog.open(
            directory: directory.path, signer: signer, keeper: MemoryHeadKeeper(), configuration: smallConfiguration(),
            fileSystem: disk, clock: { Timestamp(microseconds: 1_772_373_600_000_000) },
            newEventID: { "evt_" + String(repeating: "f", count: 32) })
        disk.fails.store(true, ordering: .sequentiallyConsistent)
        let codes = await withTaskGroup(of: EventLogError.Code?.self) { group in
            for number in 0..<8 {
                group.addTask(executorPreference: log.executor) {
                    for round in 0..<3 {
                        do throws(EventLogError) { _ = try await log.append([draft(number * 3 + round)]) } catch {
                            await Task.yield()
                            if round == 2 { return error.code }
                        }
                    }
                    return nil
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes == [EventLogError.Code?](repeating: .poisoned, count: 8))
        #expect(log.failure != nil)
        disk.fails.store(false, ordering: .sequentiallyConsistent)
        // A poisoned log says so again; here it only lets go of its files.
        do throws(EventLogError) { try await log.close() } catch {}
    }
}

/// The real disk, whose syncs fail while it is told so.
private final class FailingDisk: FileSystem {
    private let real = POSIXFileSystem()
    let fails = Atomic(false)

    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File {
        FailingFile(real: try real.open(path, mode), disk: self)
    }

    func list(_ directory: String) throws(FileError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(FileError) { try real.createDirectory(path) }
    func rename(_ source: String, to target: String) throws(FileError) { try real.rename(source, to: target) }
    func remove(_ path: String) throws(FileError) { try real.remove(path) }
    func syncDirectory(_ path: String) throws(FileError) { try real.syncDirectory(path) }
    func exists(_ path: String) throws(FileError) -> Bool { try real.exists(path) }
}

private final class FailingFile: File {
    private let real: any File
    private let disk: FailingDisk
    var path: String { real.path }

    init(real: any File, disk: FailingDisk) {
        self.real = real
        self.disk = disk
    }

    func size() throws(FileError) -> Int { try real.size() }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try real.read(into: buffer, at: offset)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int {
        try real.write(bytes, at: offset)
    }
    func sync() throws(FileError) {
        if disk.fails.load(ordering: .sequentiallyConsistent) { throw FileError(.sync, path: "failing", errno: EIO) }
        try real.sync()
    }
    func truncate(to size: Int) throws(FileError) { try real.truncate(to: size) }
    func lock() throws(FileError) -> Bool { try real.lock() }
}
