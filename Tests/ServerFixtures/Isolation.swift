import Foundation

/// Whether this machine can run sessions: what `nrx-server doctor` says.
public enum Isolation {
    /// Why it cannot; nil when it can.
    public static let obstacle: String? = {
        do {
            let program = try BuiltPrograms.path("nrx-server")
            let doctor = try BuiltPrograms.run(program, ["doctor", "--init-path", try BuiltPrograms.path("nrx-init")])
            return doctor.status == 0 ? nil : doctor.text + doctor.errors
        } catch { return "\(error)" }
    }()

    /// For tests that need sessions. Where `CI=true` they run, and so fail, also when the machine cannot isolate.
    public static let isAvailable: Bool = {
        guard let obstacle else { return true }
        print("Tests that need isolated sessions cannot work on this machine:\n\(obstacle)")
        return ProcessInfo.processInfo.environment["CI"] == "true"
    }()
}
