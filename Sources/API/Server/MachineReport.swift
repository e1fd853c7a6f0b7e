import Proofs
import Foundation
import Logging
import Sandbox

/// What `nrx-server doctor` prints: each isolation layer as it was just tested.
public struct MachineReport: Sendable {
    public let text: String
    /// Whether all layers work.
    public let isComplete: Bool

    /// Tests every layer. Takes some tens of milliseconds.
    public static func make(initPath: String?) async -> MachineReport {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("nrx-doctor-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let configuration = SandboxConfiguration(stateDirectory: directory.path, initPath: initPath)
        do throws(SandboxError) {
            return MachineReport(try await layers(configuration))
        } catch {
            guard error.code == .layerMissing, error.place == Layer.cgroupLimits.rawValue else {
                return MachineReport(error)
            }
            return await withoutCgroups(configuration, because: error)
        }
    }

    /// Without cgroups no session starts; the other five layers are tested all the same.
    private static func withoutCgroups(
        _ configuration: SandboxConfiguration, because reason: SandboxError
    ) async -> MachineReport {
        var configuration = configuration
        configuration.allowedMissingLayers = [.cgroupLimits]
        do throws(SandboxError) {
            var statuses = try await layers(configuration)
            for index in statuses.indices where statuses[index].layer == .cgroupLimits {
                statuses[index].detail = reason.message
            }
            return MachineReport(statuses)
        } catch { return MachineReport(error) }
    }

    private static func layers(_ configuration: SandboxConfiguration) async throws(SandboxError) -> [LayerStatus] {
        let logger = Logger(label: "doctor", factory: { _ in SwiftLogNoOpLogHandler() })
        let host = try SandboxHost(configuration: configuration, logger: logger)
        let statuses = await host.layers()
        await host.shutdown()
        return statuses
    }

    private init(_ error: SandboxError) {
        text = "MISSING  sandbox: \(error.message)"
        isComplete = false
    }

    /// One paragraph a layer; one line in all when the same thing, which is no layer's, keeps them all from being tested.
    init(_ layers: [LayerStatus]) {
        isComplete = layers.allSatisfy(\.works)
        let details = Set(layers.map(\.detail))
        if let only = details.first, details.count == 1, layers.allSatisfy({ !$0.works && $0.command == nil }) {
            text = "MISSING  sandbox: \(only)"
        } else {
            text = layers.map(Self.line).joined(separator: "\n")
        }
    }

    private static func line(for status: LayerStatus) -> String {
        var text = "\(status.works ? "ok      " : "MISSING ") \(status.layer.rawValue): \(status.detail)"
        if let setting = status.setting { text += "\n           setting: \(setting)" }
        if let command = status.command { text += "\n           run:     \(command)" }
        return text
    }
}
