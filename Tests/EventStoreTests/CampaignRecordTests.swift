import Foundation
import Testing

@testable import FaultCampaign

@Suite("A campaign that was stopped goes on")
struct CampaignRecordTests {
    @Test("chunks that are in the record are added up and not run again; other disks' chunks do not count")
    func resumes() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/record"
        let chunk: UInt64 = 20
        var first = try CampaignRecord(path: path, disk: .honest, chunkSeeds: chunk)
        let half = try first.run(seeds: 0..<chunk, threads: 2) { _ in }
        #expect(half.seeds == Int(chunk) && half.violations.isEmpty)
        let recorded = try Data(contentsOf: URL(filePath: path))
        var again = try CampaignRecord(path: path, disk: .honest, chunkSeeds: chunk)
        #expect(try again.run(seeds: 0..<chunk, threads: 2) { _ in }.text == half.text)
        #expect(try Data(contentsOf: URL(filePath: path)) == recorded)
        var whole = try CampaignRecord(path: path, disk: .honest, chunkSeeds: chunk)
        let both = try whole.run(seeds: 0..<(2 * chunk), threads: 2) { _ in }
        #expect(try Data(contentsOf: URL(filePath: path)).starts(with: recorded))
        let direct = try Campaign.run(seeds: 0..<(2 * chunk), threads: 2)
        #expect(both.text == direct.text)
        var lying = try CampaignRecord(path: path, disk: .ignoresSync, chunkSeeds: chunk)
        #expect(try lying.run(seeds: 0..<chunk, threads: 2) { _ in }.text != half.text)
    }
}
