import Foundation
import Testing

@testable import Sandbox

/// Hostile code tries to get out. One session serves all attempts of a test; the probe is fixtures/sandbox/escape.c.
@Suite("Escape attempts", .enabled("sandboxes work here", SandboxFixture.isAvailable), .timeLimit(.minutes(10)))
struct EscapeTests {
    /// Puts the probe into a session and returns what it says to each attempt.
    static func attempts(
        _ attempts: [String], change: (inout SessionSpecification) -> Void = { _ in }
    ) async throws -> [String: String] {
        try await SandboxFixture.withEnvironment(change) { environment in
            try await Probe.install(in: environment)
            var results: [String: String] = [:]
            for attempt in attempts {
                let arguments = ["/workspace/escape"] + attempt.split(separator: " ").map(String.init)
                // Without a timeout: walking the whole tree takes as long as the disk takes. The suite has a limit.
                let result = try await environment.execute(
                    ExecRequest(.arguments(arguments), timeoutMicroseconds: nil))
                results[attempt] = result.signal.map { "signal \($0)" } ?? (result.text + result.errorText).trimmed
            }
            return results
        }
    }

    /// Checks each attempt's answer; a bar separates answers that are as good (a kernel without the file at all).
    static func expect(_ expected: [String: String]) async throws {
        let results = try await attempts(expected.keys.sorted())
        for (attempt, answer) in expected {
            let result = try #require(results[attempt])
            #expect(answer.split(separator: "|").map(String.init).contains(result), "\(attempt)")
        }
    }

    @Test("System calls that administer the machine or reach into the kernel are refused")
    func kernelCalls() async throws {
        let names = [
            "mount", "remount", "umount", "fsopen", "open_tree", "pivot_root", "chroot", "setns", "ptrace", "traceme",
            "process_vm_readv", "pidfd_getfd", "keyctl", "add_key", "request_key", "bpf", "perf_event_open",
            "userfaultfd", "io_uring", "init_module", "finit_module", "delete_module", "kexec_load", "reboot",
            "swapon", "sethostname", "settimeofday", "syslog", "open_by_handle_at", "iopl", "fanotify_init",
            "quotactl", "acct", "vhangup",
        ]
        try await Self.expect(Dictionary(uniqueKeysWithValues: names.map { ($0, "EPERM") }))
    }

    @Test("No kind of namespace can be made, by any of the three calls")
    func namespaces() async throws {
        var expected = ["clone3": "ENOSYS", "clone 0x0": "ok"]
        for flag in ["0x10000000", "0x20000", "0x20000000", "0x40000000", "0x4000000", "0x8000000", "0x2000000"] {
            expected["unshare \(flag)"] = "EPERM"
            expected["clone \(flag)"] = "EPERM"
        }
        try await Self.expect(expected)
    }

    @Test("Only local and internet stream and datagram sockets exist")
    func sockets() async throws {
        try await Self.expect([
            "socket 2,1,0": "ok", "socket 2,2,0": "ok", "socket 10,1,0": "ok", "socket 1,1,0": "ok",
            "socket 1,5,0": "ok",
            "socket 2,3,1": "EPERM", "socket 10,3,58": "EPERM", "socket 17,3,768": "EAFNOSUPPORT",
            "socket 16,3,0": "EAFNOSUPPORT", "socket 40,1,0": "EAFNOSUPPORT", "socket 38,5,0": "EAFNOSUPPORT",
            "socket 15,3,2": "EAFNOSUPPORT", "socket 31,3,1": "EAFNOSUPPORT",
        ])
    }

    @Test("The network ends at the session's own loopback")
    func network() async throws {
        let port = try Listener()
        defer { port.close() }
        try await Self.expect([
            "connect 1.1.1.1": "ENETUNREACH", "connect 10.0.0.1": "ENETUNREACH",
            "connect 169.254.169.254": "ENETUNREACH",
            // Somebody listens there, on the host: not on this loopback.
            "connect-port \(port.number)": "ECONNREFUSED",
            "connect-abstract \(port.abstractName)": "ECONNREFUSED",
        ])
    }

    @Test("Files of the host are not there, and init's secrets cannot be opened")
    func hostFiles() async throws {
        try await Self.expect([
            "read /etc/shadow": "ENOENT", "read /etc/hostname": "ENOENT", "read /root": "ENOENT",
            "read /var/log": "ENOENT", "read \(SandboxFixture.repository.path(percentEncoded: false))": "ENOENT",
            "read /sys/kernel": "ENOENT",
            "read /proc/1/root": "EACCES", "read /proc/1/fd/3": "EACCES", "read /proc/1/mem": "EACCES",
            "read /proc/1/environ": "EACCES", "read /proc/1/exe": "EACCES",
            "read /proc/kcore": "EACCES|ENOENT", "read /proc/kmsg": "EPERM|EACCES|ENOENT",
            "write /proc/sysrq-trigger": "EACCES|EROFS|ENOENT", "write /proc/sys/kernel/core_pattern": "EACCES|EROFS",
            "write /proc/sys/kernel/hostname": "EACCES|EROFS", "write /proc/1/oom_score_adj": "EACCES",
            "create /x": "EROFS", "create /usr/x": "EROFS", "create /etc/x": "EROFS", "create /dev/x": "EROFS",
            "write /etc/passwd": "EROFS|EACCES", "create /run/x": "EROFS", "create /home/x": "EROFS",
            "create /var/x": "EROFS",
        ])
    }

    @Test("No device can be made, and only the harmless ones are there")
    func devices() async throws {
        try await Self.expect(["mknod-char": "EPERM", "mknod-block": "EPERM", "mkfifo": "ok"])
        let found = try #require(try await Self.attempts(["devices"])["devices"]).split(separator: "\n").sorted()
        #expect(
            found == [
                "/dev/full", "/dev/null", "/dev/pts/ptmx", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero",
            ])
    }

    @Test("What /proc tells of the host is covered, and none of its settings can be written")
    func maskedProc() async throws {
        try await SandboxFixture.withEnvironment { environment in
            #expect(BubblewrapArguments.maskedFiles.count >= 8)
            for file in BubblewrapArguments.maskedFiles {
                let result = try await environment.shell("cat \(file) 2> /dev/null | head -c 100 | wc -c")
                #expect(result.text == "0\n", "\(file)")
            }
            let settings = try await environment.shell("find /proc/sys /proc/pressure -type f -writable 2> /dev/null")
            #expect(settings.text == "")
            // They are there to be read: otherwise the search above finds nothing in nothing.
            #expect(try await environment.shell("find /proc/sys -type f 2> /dev/null | wc -l").text.trimmed.count > 2)
        }
    }

    @Test("Nothing outside the session's one tmpfs can be written")
    func writablePlaces() async throws {
        let found = try #require(try await Self.attempts(["writable"])["writable"])
        #expect(found == "")
        try await SandboxFixture.withEnvironment { environment in
            let places = "/workspace /tmp /var/tmp /dev/shm /home/user"
            let result = try await environment.shell("for p in \(places); do stat -c %d $p; done | sort -u | wc -l")
            #expect(result.text == "1\n", "all writable places are one file system")
        }
    }

    @Test("Rights cannot be gained: not by setuid, limits, privileges, another architecture's calls or the terminal")
    func privileges() async throws {
        try await Self.expect([
            "setuid": "EPERM|EINVAL", "privileges": "EINVAL", "raise-limit": "EPERM", "x32": "signal 31",
            "i386": "signal 31",
            "tiocsti": "EPERM", "tiocsti-high": "EPERM",
        ])
        try await SandboxFixture.withEnvironment { environment in
            let result = try await environment.shell(
                "cp /usr/bin/id . && chmod 4755 id && ./id -u; su -c id 2>&1; true")
            #expect(result.text.hasPrefix("1000\n"))
            #expect(!result.text.contains("uid=0"))
        }
    }

    @Test("Init survives being killed from inside, and no command inherits its socket")
    func initIsOutOfReach() async throws {
        try await SandboxFixture.withEnvironment { environment in
            try await Probe.install(in: environment)
            _ = try await environment.shell("./escape kill-init; kill -9 -1")
            let result = try await environment.shell("ls /proc/self/fd; echo $$ alive")
            // 0, 1, 2 and the directory that ls itself reads.
            #expect(result.text.hasPrefix("0\n1\n2\n3\n"))
            #expect(result.text.contains("alive"))
            let socket = try await environment.shell(
                "ls -l /proc/self/fd | grep -c socket; ls /proc/1/fd 2>&1 | tail -1")
            #expect(socket.text.hasPrefix("0\n"))
            #expect(socket.text.contains("Permission denied"))
        }
    }

    @Test("Two sessions see nothing of each other")
    func neighbours() async throws {
        try await SandboxFixture.withHost { host in
            let first = try await host.create(SandboxFixture.specification())
            let second = try await host.create(SandboxFixture.specification())
            _ = try await first.shell("echo secret > /tmp/mark; sleep 1000 > /dev/null 2>&1 &")
            let seen = try await second.shell("cat /tmp/mark 2>&1; cat /proc/[0-9]*/comm | grep -c sleep; hostname")
            #expect(!seen.text.contains("secret"))
            #expect(seen.text.contains("\n0\n"))
            let names = (try await first.shell("hostname").text, try await second.shell("hostname").text)
            #expect(names.0 != names.1)
            #expect(first.raw.namespaces != second.raw.namespaces)
            _ = try await first.destroy()
            #expect(try await second.shell("echo well").text == "well\n")
            _ = try await second.destroy()
        }
    }
}
