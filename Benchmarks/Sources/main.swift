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
let signer = try BenchmarkSigner()
let log = try EventLog.open(
    directory: base + "/log", signer: signer, keeper: signer, clock: SystemClock.now,
    newEventID: { "evt_" + String(repeating: "0", count: 32) })
let bench = AppendBenchmark(log: log, drafts: SampleEvents.make(count: 8192))
let raw = try RawSync(path: base + "/raw", bytes: 648)
nonisolated(unsafe) var cpus: [Int: [Double]] = [:]
func one(_ writers: Int) -> (Double) async throws -> Double {
    { seconds in
        let before = cpu()
        let rate = try await bench.measure(writers: writers, seconds: seconds)
        cpus[writers, default: []].append((cpu() - before) / (rate * seconds) * 1e6)
        return rate
    }
}
let all = try await Rounds(count: count, seconds: 0.5).medians([{ try raw.measure(seconds: $0) }, one(1), one(16), one(64), one(256)])
print("raw \(Int(all[0]))")
for (n, r) in zip([1, 16, 64, 256], all.dropFirst()) {
    print("\(n): \(Int(r))/s, x single \(r / all[1]), sync/this \(all[0] / r), cpu us \(median(cpus[n]!))")
}
try await log.close()
try FileManager.default.removeItem(atPath: base)
