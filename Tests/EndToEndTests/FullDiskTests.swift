import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// Health under a disk that is really full and files that are really gone.
@Suite("Health of a broken machine", .serialized, .timeLimit(.minutes(10)))
struct FullDiskTests {
    private static let diskBytes = 400 << 20

    /// Whether file systems may be mounted here; says so where not.
    static let mayMount: Bool = {
        if geteuid() == 0 || ProcessInfo.processInfo.environment["CI"] == "true" { return true }
        print("Tests that fill a disk mount a small tmpfs of their own, which needs root: run them with sudo.")
        return false
    }()

    @Test("a disk that is full turns rzl off and health to 503, and room turns it on again", .enabled(if: mayMount))
    func fullDisk() async throws {
        let directory = try TemporaryDirectory()
        let data = directory.path + "/data"
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let mount = try BuiltPrograms.run(
            "/usr/bin/mount", ["-t", "tmpfs", "-o", "size=\(Self.diskBytes),mode=0700", "none", data])
        try #require(mount.status == 0, "\(mount.errors)")
        defer { _ = try? BuiltPrograms.run("/usr/bin/umount", ["-l", data]) }
        let server = try await ServerProcess.start(in: directory)
        #expect(try await server.send("GET", "/v1/health")["engines"]?["rzl"] == true)
        let filler = data + "/filler"
        let fill = try BuiltPrograms.run("/bin/dd", ["if=/dev/zero", "of=\(filler)", "bs=1M"])
        #expect(fill.errors.contains("No space left"), "\(fill.errors)")
        let full = try await server.send("GET", "/v1/health")
        #expect(full.status == 503)
        #expect(full["status"] == "degraded")
        #expect(full["engines"]?["rzl"] == false)
        #expect(full["engines"]?["ave"] == true)
        try FileManager.default.removeItem(atPath: filler)
        #expect(try await server.send("GET", "/v1/health")["engines"]?["rzl"] == true)
        #expect(await server.stop() == 0)
        try directory.expectCleanAudit("after the disk was full")
    }

    @Test("a vault that is gone turns dire off, a sandbox that cannot start eee: each flag is its own")
    func goneVault() async throws {
        let directory = try TemporaryDirectory()
        let server = try await ServerProcess.start(in: directory, ["--init-path", "/nonexistent/nrx-init"])
        let (vault, away) = (directory.path + "/data/vault", directory.path + "/away")
        let before = try await server.send("GET", "/v1/health")
        #expect(before["engines"] == ["eee": false, "dire": true, "rzl": true, "fgx": true, "ave": true])
        #expect(before.status == 503)
        try FileManager.default.moveItem(atPath: vault, toPath: away)
        let gone = try await server.send("GET", "/v1/health")
        #expect(gone["engines"] == ["eee": false, "dire": false, "rzl": true, "fgx": true, "ave": true])
        try FileManager.default.moveItem(atPath: away, toPath: vault)
        #expect(try await server.send("GET", "/v1/health")["engines"]?["dire"] == true)
        #expect(await server.stop() == 0)
    }
}
