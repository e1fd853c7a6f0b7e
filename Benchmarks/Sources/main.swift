import Foundation

let directory = CommandLine.arguments.dropFirst().first ?? "/tmp"
let base = directory + "/nrx-bench-\(ProcessInfo.processInfo.processIdentifier)"
try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
let benchmark = AppendBenchmark(directory: base, seconds: 3)
let raw = try benchmark.rawSyncsPerSecond(bytes: 648)
print("raw fdatasync: \(Int(raw))/s")
var single = 0.0
for writers in [1, 16, 64, 256] {
    let row = try await benchmark.run(writers: writers)
    if writers == 1 { single = row.appendsPerSecond }
    print("\(writers) writers: \(Int(row.appendsPerSecond))/s; per single writer \(row.appendsPerSecond / single); lone append / raw sync \(raw / row.appendsPerSecond)")
}
try FileManager.default.removeItem(atPath: base)
