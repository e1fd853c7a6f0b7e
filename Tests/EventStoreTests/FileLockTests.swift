import Foundation
import Synchronization
import Testing

@testable import EventStore

@Suite("The lock of a directory")
struct FileLockTests {
    /// What a fork leaves a child with until it begins its program: another name for the same open file.
    private func secondDescriptor(of path: String) throws -> Int32 {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + name)
            if target == path, let number = Int32(name) { return fcntl(number, F_DUPFD_CLOEXEC, 0) }
        }
        return -1
    }

    @Test("goes with its owner, also while a forked child still has a copy of the descriptor")
    func forkedChild() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/lock"
        let disk = POSIXFileSystem()
        var owner: (any File)? = try disk.open(path, .readWrite)
        #expect(try owner?.lock() == true)
        let copy = try secondDescriptor(of: path)
        try #require(copy >= 0)
        defer { close(copy) }
        #expect(try disk.open(path, .readWrite).lock() == false)
        owner = nil
        #expect(try disk.open(path, .readWrite).lock() == true)
    }

    @Test("stays when another, who did not get it, goes away")
    func refused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/lock"
        let disk = POSIXFileSystem()
        let owner = try disk.open(path, .readWrite)
        #expect(try owner.lock() == true)
        for _ in 0..<3 { #expect(try disk.open(path, .readWrite).lock() == false) }
    }

    @Test("is waited for a moment, by a log and by a backup, when whoever had it is about to be gone")
    func patience() async throws {
        let (source, target) = (try TemporaryDirectory(), try TemporaryDirectory())
        let disk = BusyLocks(refusals: 3)
        let log = try EventLog.open(
            directory: source.path, signer: try TestSigner(origin: "ledger.example/log"), keeper: MemoryHeadKeeper(),
            configuration: smallConfiguration(), fileSystem: disk, clock: SystemClock.now,
            newEventID: { "evt_" + String(repeating: "f", count: 32) })
        try await log.close()
        #expect(disk.refusalsLeft.withLock { $0 } == 0)
        let again = BusyLocks(refusals: 3)
        let backup = LogBackup(source: source.path, destination: target.path, fileSystem: again)
        #expect(try backup.run().head.size == log.head.size)
        #expect(again.refusalsLeft.withLock { $0 } == 0)
        let endless = LogBackup(source: source.path, destination: target.path, fileSystem: BusyLocks(refusals: .max))
        #expect { try endless.run() } throws: { ($0 as? EventLogError)?.code == .locked }
    }
}
