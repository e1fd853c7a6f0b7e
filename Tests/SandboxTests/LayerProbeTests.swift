import Foundation
import Testing

@testable import Sandbox

@Suite("The six layers", .enabled("sandboxes work here", SandboxFixture.isAvailable), .timeLimit(.minutes(10)))
struct LayerProbeTests {
    @Test("All six are seen working on this machine")
    func allWork() async throws {
        let layers = try await SandboxFixture.withHost { await $0.layers() }
        #expect(layers.map(\.layer) == Layer.allCases)
        for status in layers { #expect(status.works, "\(status.layer): \(status.detail)") }
    }

    @Test("A layer that the operator left out is reported with the setting that it needs")
    func leftOut() async throws {
        let layers = try await SandboxFixture.withHost({ $0.leftOutLayers = [.syscallFilter] }) { host in
            await host.layers()
        }
        let filter = try #require(layers.first { $0.layer == .syscallFilter })
        #expect(!filter.works)
        #expect(filter.setting == "CONFIG_SECCOMP_FILTER")
    }

    @Test("An nrx-init of another build is named as what is wrong, with no kernel setting that would not help")
    func staleInit() async throws {
        let directory = SandboxFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let source = SandboxFixture.repository.appending(path: "fixtures/sandbox/stale-init.c")
        try SandboxFixture.run(
            "/usr/bin/env", ["cc", "-static", "-o", directory + "/init", source.path(percentEncoded: false)])
        let layers = try await SandboxFixture.withHost({ $0.initPath = directory + "/init" }) { await $0.layers() }
        #expect(layers.map(\.layer) == Layer.allCases)
        #expect(Set(layers.map(\.detail)).count == 1)
        for status in layers {
            #expect(!status.works && status.setting == nil && status.command == nil)
            #expect(status.detail.contains("not of the same build") && status.detail.contains("make build"))
        }
    }

    @Test("A layer that may be missing stays on where the machine has it")
    func allowedButPresent() async throws {
        let layers = try await SandboxFixture.withHost({ $0.allowedMissingLayers = Set(Layer.allCases) }) { host in
            await host.layers()
        }
        let absent = layers.filter { !$0.works }
        #expect(absent == [])
    }

    @Test("Only a layer that the operator named is left out when the machine lacks it")
    func findsMissing() throws {
        func lacking(_ lacked: Set<Layer>) -> (Set<Layer>) throws(SandboxError) -> Void {
            { missing throws(SandboxError) in
                guard let first = Layer.allCases.first(where: { lacked.contains($0) && !missing.contains($0) }) else {
                    return
                }
                throw SandboxError(.layerMissing, "not here", place: first.rawValue)
            }
        }
        let both: Set<Layer> = [.networkNamespace, .syscallFilter]
        #expect(MissingLayers.find(allowed: both, without: [], launch: lacking(both)) == both)
        #expect(MissingLayers.find(allowed: both, without: [], launch: lacking([.hostName])) == [])
        #expect(MissingLayers.find(allowed: [.hostName], without: [], launch: lacking(both)) == [])
    }

    @Test("The machine's settings name the command that enables what is missing")
    func explains() {
        let failure = StartFailure.explain("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted\n")
        #expect(failure.code == .layerMissing)
        #expect(failure.place == Layer.networkNamespace.rawValue)
    }
}
