import Foundation

/// What was run of a campaign so far, in a file: one JSON line for every chunk of seeds. A campaign that was stopped goes
/// on with the next chunk.
public struct CampaignRecord {
    /// Seeds of a chunk, unless another number is given: what a stop costs at most.
    public static let chunkSeeds: UInt64 = 1000

    private struct Chunk: Codable {
        let disk: Campaign.Disk
        let from: UInt64
        let counts: CampaignCounts
    }

    private let path: String
    private let disk: Campaign.Disk
    private let chunkSeeds: UInt64
    private var chunks: [UInt64: CampaignCounts] = [:]

    /// - Parameters:
    ///   - path: of the record; made when there is none.
    ///   - disk: chunks of other disks in the file do not count.
    ///   - chunkSeeds: always the same for one file.
    public init(path: String, disk: Campaign.Disk, chunkSeeds: UInt64 = CampaignRecord.chunkSeeds) throws {
        (self.path, self.disk, self.chunkSeeds) = (path, disk, chunkSeeds)
        guard FileManager.default.fileExists(atPath: path) else { return }
        for line in try Data(contentsOf: URL(filePath: path)).split(separator: UInt8(ascii: "\n")) {
            let chunk = try JSONDecoder().decode(Chunk.self, from: line)
            if chunk.disk == disk { chunks[chunk.from] = chunk.counts }
        }
    }

    /// Runs the seeds that the record lacks, chunk by chunk, and adds everything up. Blocking.
    ///
    /// - Parameter seeds: begin at a multiple of a chunk, and are a multiple of one.
    public mutating func run(
        seeds: Range<UInt64>, threads: Int, progress: (UInt64) -> Void
    ) throws -> CampaignCounts {
        var total = CampaignCounts()
        for from in stride(from: seeds.lowerBound, to: seeds.upperBound, by: Int(chunkSeeds)) {
            let counts: CampaignCounts
            if let known = chunks[from] {
                counts = known
            } else {
                counts = try Campaign.run(seeds: from..<(from + chunkSeeds), disk: disk, threads: threads)
                try append(Chunk(disk: disk, from: from, counts: counts))
            }
            total.add(counts)
            progress(from + chunkSeeds - seeds.lowerBound)
        }
        return total
    }

    private func append(_ chunk: Chunk) throws {
        let line = try JSONEncoder().encode(chunk) + [UInt8(ascii: "\n")]
        guard FileManager.default.fileExists(atPath: path) else { return try line.write(to: URL(filePath: path)) }
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        defer { file.closeFile() }
        try file.seekToEnd()
        try file.write(contentsOf: line)
    }
}
