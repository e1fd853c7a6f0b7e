import Testing

@testable import Sandbox

@Suite("The six layers", .enabled(if: SandboxFixture.isAvailable), .timeLimit(.minutes(1)))
struct LayerProbeTests {
    @Test("All six are seen working on this machine")
    func allWork() async throws {
        let layers = try await SandboxFixture.withHost { await $0.layers() }
        #expect(layers.map(\.layer) == Layer.allCases)
        for status in layers { #expect(status.works, "\(status.layer): \(status.detail)") }
    }

    @Test("A layer that the operator left out is reported with the setting that it needs")
    func leftOut() async throws {
        let layers = try await SandboxFixture.withHost({ $0.allowedMissingLayers = [.syscallFilter] }) { host in
            await host.layers()
        }
        let filter = try #require(layers.first { $0.layer == .syscallFilter })
        #expect(!filter.works)
        #expect(filter.setting == "CONFIG_SECCOMP_FILTER")
    }
}
