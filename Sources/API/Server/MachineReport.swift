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
            let host = try SandboxHost(
                configuration: configuration,
                logger: Logger(label: "doctor", factory: { _ in SwiftLogNoOpLogHandler() }))
            let layers = await host.layers()
            await host.shutdown()
            return MachineReport(
                text: layers.map(line).joined(separator: "\n"), isComplete: layers.allSatisfy(\.works))
        } catch {
            return MachineReport(text: "MISSING  sandbox: \(error.message)", isComplete: false)
        }
    }

    private static func line(for status: LayerStatus) -> String {
        var text = "\(status.works ? "ok      " : "MISSING ") \(status.layer.rawValue): \(status.detail)"
        if let setting = status.setting { text += "\n           setting: \(setting)" }
        if let command = status.command { text += "\n           run:     \(command)" }
        return text
    }
}
