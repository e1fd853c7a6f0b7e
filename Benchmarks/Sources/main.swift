import EventStore
import Foundation

func cpu() -> (Double) {
    var r = rusage()
    getrusage(0, &r)
    return Double(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + Double(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6
}
let directory = CommandLine.arguments.dropFirst().first ?? "/tmp"
let count = Int(CommandLine.arguments.dropFirst(2).first ?? "3") ?? 3
let base = directory + "/nrx-bench-\(ProcessInfo.processInfo.processIdentifier)"
try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)

import Synchronization
let syncs = Atomic<Int>(0)
struct SlowFS: FileSystem {
    let base = POSIXFileSystem()
    let us: UInt32
    func open(_ path: String, _ mode: FileOpenMode) throws(FileError) -> any File { SlowFile(f: try base.open(path, mode), us: us) }
    func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }
    func rename(_ source: String, to target: String) throws(FileError) { try base.rename(source, to: target) }
    func remove(_ path: String) throws(FileError) { try base.remove(path) }
    func syncDirectory(_ path: String) throws(FileError) { try base.syncDirectory(path) }
    func exists(_ path: String) throws(FileError) -> Bool { try base.exists(path) }
}
func pause(_ us: UInt32) { usleep(us) }
final class SlowFile: File {
    let f: any File
    let us: UInt32
    init(f: any File, us: UInt32) { self.f = f; self.us = us }
    var path: String { f.path }
    func size() throws(FileError) -> Int { try f.size() }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) -> Int { try f.read(into: buffer, at: offset) }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) -> Int { try f.write(bytes, at: offset) }
    func sync() throws(FileError) { syncs.add(1, ordering: .relaxed); try f.sync(); if us > 0 { pause(us) } }
    func truncate(to size: Int) throws(FileError) { try f.truncate(to: size) }
    func lock() throws(FileError) -> Bool { try f.lock() }
}
let us = UInt32(ProcessInfo.processInfo.environment["NRX_DELAY"] ?? "0") ?? 0
let rows = (ProcessInfo.processInfo.environment["NRX_ROWS"] ?? "1,16,64,256").split(separator: ",").map { Int($0)! }
let signer = try BenchmarkSigner()
let log = try EventLog.open(
    directory: base + "/log", signer: signer, keeper: signer, fileSystem: SlowFS(us: us), clock: SystemClock.now,
    newEventID: { "evt_" + String(repeating: "0", count: 32) })
let bench = AppendBenchmark(log: log, drafts: SampleEvents.make(count: 8192))
let raw = try RawSync(path: base + "/raw", bytes: 648)
nonisolated(unsafe) var batches: [Int: [Double]] = [:]
nonisolated(unsafe) var cpus: [Int: [Double]] = [:]
func one(_ writers: Int) -> (Double) async throws -> Double {
    { seconds in
        let before = cpu(); let s0 = syncs.load(ordering: .relaxed)
        let rate = try await bench.measure(writers: writers, seconds: seconds)
        cpus[writers, default: []].append((cpu() - before) / (rate * seconds) * 1e6)
        batches[writers, default: []].append(rate * seconds / Double(syncs.load(ordering: .relaxed) - s0))
        return rate
    }
}
let all = try await Rounds(count: count, seconds: 0.5).medians([{ us > 0 ? rate(for: $0) { pause(us) } : try raw.measure(seconds: $0) }] + rows.map(one))
print("raw \(Int(all[0]))")
for (n, r) in zip(rows, all.dropFirst()) {
    print("\(n): \(Int(r))/s, x single \(r / all[1]), sync/this \(all[0] / r), cpu us \(median(cpus[n]!)) batch \(median(batches[n]!))")
}
try await log.close()
try FileManager.default.removeItem(atPath: base)
