import CSeccomp
import Glibc
import Testing

@testable import Sandbox

/// Runs the filter's own instructions, the bytes that the kernel gets, for every system call number.
@Suite("The syscall filter")
struct SyscallFilterTests {
    enum Answer: Equatable, CustomStringConvertible {
        case allow, kill
        case refuse(Int32)

        init(_ value: UInt32) {
            switch value & 0xffff_0000 {
            case 0x7fff_0000: self = .allow
            case 0x0005_0000: self = .refuse(Int32(value & 0xffff))
            default: self = .kill
            }
        }

        var description: String {
            switch self {
            case .allow: "allow"
            case .kill: "kill"
            case .refuse(let number): "refuse \(number)"
            }
        }
    }

    #if arch(x86_64)
        static let architecture: UInt32 = 0xc000_003e
    #else
        static let architecture: UInt32 = 0xc000_00b7
    #endif

    /// What a filter program of the kernel's classic BPF returns for one call (linux/filter.h; the instructions that
    /// libseccomp uses).
    static func run(
        _ program: [UInt8], number: UInt32, architecture: UInt32 = architecture, arguments: [UInt64] = []
    ) throws -> Answer {
        var data = [number, architecture, 0, 0]
        for index in 0..<6 {
            let value = index < arguments.count ? arguments[index] : 0
            data += [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
        }
        var accumulator: UInt32 = 0
        var at = 0
        while at * 8 < program.count {
            let code = UInt16(program[at * 8]) | UInt16(program[at * 8 + 1]) << 8
            let jumps = (Int(program[at * 8 + 2]), Int(program[at * 8 + 3]))
            let constant = (0..<4).reduce(UInt32(0)) { $0 | UInt32(program[at * 8 + 4 + $1]) << UInt32(8 * $1) }
            at += 1
            switch code {
            case 0x20: accumulator = data[Int(constant) / 4]
            case 0x54: accumulator &= constant
            case 0x05: at += Int(constant)
            case 0x15: at += accumulator == constant ? jumps.0 : jumps.1
            case 0x25: at += accumulator > constant ? jumps.0 : jumps.1
            case 0x35: at += accumulator >= constant ? jumps.0 : jumps.1
            case 0x06: return Answer(constant)
            default: throw UnknownInstruction(code: code)
            }
        }
        throw UnknownInstruction(code: 0)
    }

    struct UnknownInstruction: Error { var code: UInt16 }

    static func number(_ name: String) -> UInt32? {
        let number = seccomp_syscall_resolve_name(name)
        return number >= 0 ? UInt32(number) : nil
    }

    /// Depends on its arguments; the tests below know how.
    static let conditional: Set<String> = ["clone", "socket", "ioctl", "personality", "mknod", "mknodat"]

    @Test("Every number is allowed, refused or unknown, exactly as the two lists say")
    func everyNumber() throws {
        let program = try SyscallFilter.program()
        let allowed = Set(SyscallFilter.allowed.compactMap(Self.number))
        let refused = Set(SyscallFilter.refused.compactMap(Self.number))
        #expect(allowed.isDisjoint(with: refused))
        let other = Set(Self.conditional.compactMap(Self.number))
        for number in UInt32(0)..<2_048 where !other.contains(number) {
            let expected: Answer =
                allowed.contains(number) ? .allow : refused.contains(number) ? .refuse(EPERM) : .refuse(ENOSYS)
            #expect(try Self.run(program, number: number) == expected, "\(number)")
        }
    }

    @Test("What an administrator, a debugger or an exploit needs is not on the list")
    func dangerous() throws {
        let program = try SyscallFilter.program()
        // Written here by hand, so that a careless addition to the allow-list fails.
        let names = [
            "mount", "umount2", "pivot_root", "chroot", "setns", "unshare", "ptrace", "process_vm_readv",
            "process_vm_writev", "kcmp", "pidfd_getfd", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
            "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key", "init_module", "finit_module",
            "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "syslog", "acct",
            "settimeofday", "clock_settime", "sethostname", "setdomainname", "iopl", "ioperm", "quotactl",
            "open_by_handle_at", "fsopen", "fsmount", "fsconfig", "fspick", "move_mount", "open_tree",
            "mount_setattr", "fanotify_init", "lookup_dcookie", "vhangup", "move_pages", "clone3", "nfsservctl",
        ]
        for name in names {
            guard let number = Self.number(name) else { continue }
            #expect(try Self.run(program, number: number) != .allow, "\(name)")
        }
    }

    @Test("Another architecture's calls kill the process")
    func architectures() throws {
        let program = try SyscallFilter.program()
        #expect(try Self.run(program, number: 20, architecture: 0x4000_0003) == .kill)
        #if arch(x86_64)
            #expect(try Self.run(program, number: 0x4000_0000 | 39) == .kill)
        #endif
    }

    @Test("clone makes processes and threads, never namespaces, whatever else is set")
    func clone() throws {
        let program = try SyscallFilter.program()
        let clone = try #require(Self.number("clone"))
        for flags: UInt64 in [17, 0x3d0f00, 0x4111] {
            #expect(try Self.run(program, number: clone, arguments: [flags]) == .allow)
        }
        for bit in [17, 25, 26, 27, 28, 29, 30] {
            for rest: UInt64 in [0, 17, 0x3d0f00, 0xffff_ffff_0000_0000] {
                let answer = try Self.run(program, number: clone, arguments: [1 << UInt64(bit) | rest])
                #expect(answer == .refuse(EPERM), "bit \(bit)")
            }
        }
    }

    @Test("A terminal's input cannot be typed by a program, not even with the upper half of the request set")
    func terminalInput() throws {
        let program = try SyscallFilter.program()
        let ioctl = try #require(Self.number("ioctl"))
        for upper: UInt64 in [0, 1 << 32, 0xffff_ffff << 32] {
            #expect(try Self.run(program, number: ioctl, arguments: [0, upper | 0x5412]) == .refuse(EPERM))
        }
        for request: UInt64 in [0x5401, 0x5413, 0x5414, 0x540e, 0x8004_5430, 0x541b, 0x5411, 0] {
            #expect(try Self.run(program, number: ioctl, arguments: [0, request]) == .allow, "\(request)")
        }
    }

    @Test("Sockets: local and internet, streams and datagrams, whatever flags; nothing else of any number")
    func sockets() throws {
        let program = try SyscallFilter.program()
        let socket = try #require(Self.number("socket"))
        let flags: [UInt64] = [0, 0o4000, 0o2000000, 0o2004000]
        for family in UInt64(0)..<128 {
            for type in UInt64(0)..<16 {
                for flag in flags {
                    let answer = try Self.run(program, number: socket, arguments: [family, type | flag])
                    let isAllowed =
                        [1, 2, 10].contains(family) && ([1, 2].contains(type) || (family == 1 && type == 5))
                    #expect((answer == .allow) == isAllowed, "family \(family), type \(type)")
                }
            }
        }
        #expect(try Self.run(program, number: socket, arguments: [1 << 32 | 16, 3]) != .allow)
    }

    @Test("Devices cannot be made, pipes can")
    func nodes() throws {
        let program = try SyscallFilter.program()
        for (name, index) in [("mknod", 1), ("mknodat", 2)] {
            guard let number = Self.number(name) else { continue }
            func answer(_ mode: UInt64) throws -> Answer {
                var arguments = [UInt64](repeating: 0, count: 3)
                arguments[index] = mode
                return try Self.run(program, number: number, arguments: arguments)
            }
            #expect(try answer(0o010600) == .allow)
            #expect(try answer(0o100644) == .allow)
            #expect(try answer(0o020666) == .refuse(EPERM))
            #expect(try answer(0o060666) == .refuse(EPERM))
        }
    }
}
