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

    /// For tests that need sessions: false, with the reason printed, where the machine cannot isolate. They run, and so
    /// fail, where `CI=true`, and where it is not the machine but the build that lacks something.
    public static let isAvailable: Bool = {
        guard let obstacle else { return true }
        print("Tests that need isolated sessions cannot work here:\n\(obstacle)")
        return isBuildIncomplete(obstacle) || ProcessInfo.processInfo.environment["CI"] == "true"
    }()

    /// Whether `make build` would help: a program is not there, or of another version than the server.
    private static func isBuildIncomplete(_ obstacle: String) -> Bool {
        ["make build", "build-init.sh", "build both from the same source"].contains { obstacle.contains($0) }
    }
}
