import CanonicalJSON
import Foundation
import ServerFixtures
import Testing

/// The Debian package, as somebody new to it uses it.
@Suite("Package", .serialized)
struct PackageTests {
    @Test(
        "installed into a fresh directory and started by its unit's command, the first proof is verified in six steps",
        .enabled(if: Isolation.isAvailable))
    func firstProof() async throws {
        let directory = try TemporaryDirectory()
        let root = directory.path + "/root"
        let package = try await Self.build(into: directory.path)
        #expect(try Self.run("dpkg-deb", ["-x", package, root]).status == 0)
        try Self.checkContents(of: root, package: package)

        let page = try Documentation("docs/quick-start.md")
        let text = try String(contentsOf: ForeignClient.repository.appending(path: page.name), encoding: .utf8)
        #expect(
            text.split(separator: "\n").filter { $0.starts(with: #/## \d\. /#) }.count == 6
                && text.contains("in six steps"))
        #expect(
            page.blocks.filter { $0.kind == "sh package" }.flatMap(\.lines)
                == ["sudo apt install ./nrx-ledger_*.deb", "sudo systemctl start nrx-server"])

        let unit = try Unit(root + "/usr/lib/systemd/system/nrx-server.service")
        let server = try await unit.start(root: root, in: directory)
        let result = try await page.run(
            in: directory.path,
            [
                "PATH": root + "/usr/bin:/usr/bin:/bin", "HOME": directory.path, "NRX_SERVER": server.url,
                "LANG": "C.UTF-8",
            ])
        #expect(result.status == 0, "\(result.text)\n\(result.errors)")
        #expect(await server.stop() == 0)
        let proof = try JSONReader.read(Array(try Data(contentsOf: URL(filePath: directory.path + "/proof.json"))))
        #expect(proof["cdp_version"] == "1.0")
    }

    /// What a package of this kind must hold, each checked by the tool that reads it.
    private static func checkContents(of root: String, package: String) throws {
        let fields = try run("dpkg-deb", ["-f", package, "Depends", "Version"])
        for needed in ["bubblewrap", "libsodium23", "libsqlite3-0", "libseccomp2", "liblz4-1", "libc6"] {
            #expect(fields.text.contains(needed), "\(fields.text)")
        }
        for program in ["nrx-server", "nrx-replay", "nrx"] {
            #expect(try run(root + "/usr/bin/" + program, ["--help"]).status == 0)
            let page = try run("man", ["--warnings", "-l", "\(root)/usr/share/man/man1/\(program).1.gz"])
            #expect(page.status == 0 && page.errors.isEmpty && page.text.contains("SYNOPSIS"), "\(page.errors)")
            let completion = "\(root)/usr/share/bash-completion/completions/\(program)"
            #expect(try run("bash", ["-n", completion]).status == 0)
            #expect(try String(contentsOfFile: completion, encoding: .utf8).contains("--help"))
        }
        let options = try run("man", ["-l", "\(root)/usr/share/man/man1/nrx-server-serve.1.gz"])
        #expect(options.text.contains("--data-dir") && options.text.contains("--region"), "the page lists the options")
        // What they link to are Debian's packages: nothing of a toolchain, nothing of the machine that built them.
        for program in ["nrx-server", "nrx-replay", "nrx"] {
            let libraries = try run("ldd", [root + "/usr/lib/nrx-ledger/" + program]).text
            #expect(libraries.contains("libc.so"), "\(libraries)")
            for wrong in ["not found", "swift", "Foundation"] {
                #expect(!libraries.contains(wrong), "\(program): \(libraries)")
            }
        }
    }

    @Test("systemd finds nothing wrong with the unit, and little exposed")
    func unitIsHardened() throws {
        let directory = try TemporaryDirectory()
        let source = ForeignClient.repository.appending(path: "packaging/nrx-server.service")
        let unit = directory.path + "/nrx-server.service"
        try String(contentsOf: source, encoding: .utf8).replacing("@BINDIR@/nrx-server", with: "/bin/true")
            .write(toFile: unit, atomically: true, encoding: .utf8)
        let verified = try Self.run("systemd-analyze", ["verify", "--man=no", unit])
        #expect(!verified.errors.contains("nrx-server.service"), "\(verified.errors)")
        let security = try Self.run(
            "systemd-analyze", ["security", "--offline=true", "--threshold=60", "--no-pager", unit])
        #expect(security.status == 0, "\(security.text)\(security.errors)")
    }

    /// Without compression: it is unpacked at once.
    private static func build(into output: String) async throws -> String {
        let script = ForeignClient.repository.appending(path: "scripts/build-deb.sh").path(percentEncoded: false)
        let arguments = ["XZ_LEVEL=0", "bash", script, BuiltPrograms.directory, output]
        let result: ProgramResult = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try BuiltPrograms.run("/usr/bin/env", arguments) })
            }
        }
        try #require(result.status == 0, "\(result.text)\(result.errors)")
        return result.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func run(_ program: String, _ arguments: [String]) throws -> ProgramResult {
        try BuiltPrograms.run("/usr/bin/env", ["MANWIDTH=120", "LC_ALL=C.UTF-8", program] + arguments)
    }
}

/// The service's unit, as far as the tests follow it: command, environment, and what the process may do.
private struct Unit {
    private let settings: [(name: String, value: String)]

    init(_ path: String) throws {
        settings = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").compactMap { line in
            guard !line.hasPrefix("#"), let equals = line.firstIndex(of: "=") else { return nil }
            return (String(line[..<equals]), String(line[line.index(after: equals)...]))
        }
    }

    private func values(_ name: String) -> [String] { settings.filter { $0.name == name }.map(\.value) }

    /// Starts the command of `ExecStart` from an unpacked package, with the unit's environment and, for root, with nothing
    /// but its capabilities. Data and port are the test's own.
    func start(root: String, in directory: TemporaryDirectory) async throws -> ServerProcess {
        let command = try #require(values("ExecStart").first).split(separator: " ").map(String.init)
        #expect(values("Environment") == ["NRX_DATA_DIR=/var/lib/nrx-ledger"])
        #expect(command == ["/usr/bin/nrx-server", "serve"])
        var arguments = [root + command[0]] + command.dropFirst()
        if geteuid() == 0 {
            let capabilities = try #require(values("CapabilityBoundingSet").first).split(separator: " ")
                .map { "+" + $0.dropFirst("CAP_".count).lowercased() }
            #expect(values("NoNewPrivileges") == ["yes"])
            arguments =
                ["setpriv", "--no-new-privs", "--bounding-set", (["-all"] + capabilities).joined(separator: ",")]
                + arguments
        }
        return try await ServerProcess.start(
            ["/usr/bin/env"] + arguments, in: directory,
            environment: ["NRX_DATA_DIR": directory.path + "/data", "NRX_PORT": "0", "NRX_WARM_POOL": "0"])
    }
}
