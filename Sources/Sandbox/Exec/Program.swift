import CLinux
import Glibc

/// What a process inside becomes: directory, arguments, variables; checked.
struct Program: Sendable {
    /// RLIMIT_NOFILE and RLIMIT_FSIZE.
    struct Limits: Sendable {
        var descriptorsMax: Int
        var fileBytesMax: Int64
    }

    /// In the protocol's order: directory, arguments, variables NAME=VALUE.
    private(set) var strings: [String]
    private(set) var argumentCount: Int
    private(set) var variableCount: Int

    /// What a command sees when the caller says nothing else.
    static let standardVariables = [
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "HOME": "/home/user", "USER": "user",
        "LANG": "C.UTF-8", "TMPDIR": "/tmp",
    ]

    /// Throws `invalidRequest` for what no process could become.
    init(_ command: ExecRequest.Command, directory: String?, variables: [String: String]) throws(SandboxError) {
        let arguments: [String]
        switch command {
        case .shell(let text): arguments = ["/bin/sh", "-c", text]
        case .arguments(let list): arguments = list
        }
        guard let program = arguments.first, !program.isEmpty else {
            throw SandboxError(.invalidRequest, "the command is empty")
        }
        var all = Self.standardVariables
        for (name, value) in variables {
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")) else {
                throw SandboxError(.invalidRequest, "a variable's name must not be empty or contain '='")
            }
            all[name] = value
        }
        let limit = Int(NRX_STRINGS_MAX)
        guard arguments.count <= limit, all.count <= limit else {
            throw SandboxError(.invalidRequest, "at most \(limit) arguments and \(limit) variables")
        }
        let place = directory.map { $0.hasPrefix("/") ? $0 : "/workspace/" + $0 } ?? "/workspace"
        strings = [place] + arguments + all.sorted { $0.key < $1.key }.map { $0.key + "=" + $0.value }
        argumentCount = arguments.count
        variableCount = all.count
        // Both limits are checked here, so that a request which cannot be carried out costs no process.
        _ = try InitChannel.encode(nrx_program(), strings)
    }
}

/// A process inside that has entered its cgroups and waits for its program. Made ahead, so that a command starts at
/// once: entering a cgroup can cost milliseconds.
final class PreparedProcess: Sendable {
    /// The cgroup that it is in; nil without cgroups.
    let group: ExecCgroup?
    /// Where init and the process answer.
    let replies: Descriptor
    private let programs: Descriptor

    /// Asks init for one, in a new group, and does not wait for it.
    ///
    /// - Parameter terminal: rows and columns, for a process on a terminal of its own.
    convenience init(
        _ channel: InitChannel, _ cgroup: SessionCgroup?, terminal: (rows: UInt16, columns: UInt16)? = nil
    ) throws(SandboxError) {
        try self.init(channel, in: try cgroup?.makeExec(), terminal: terminal)
    }

    /// Asks init for one in `group`, which is removed when there will be none.
    init(
        _ channel: InitChannel, in group: ExecCgroup?, terminal: (rows: UInt16, columns: UInt16)? = nil
    ) throws(SandboxError) {
        self.group = group
        let (own, theirs) = try Descriptor.socketPair()
        programs = own
        var header = nrx_request()
        header.type = terminal == nil ? NRX_REQUEST_PREPARE.rawValue : NRX_REQUEST_PREPARE_TERMINAL.rawValue
        header.first = UInt64(terminal?.rows ?? 0)
        header.second = UInt64(terminal?.columns ?? 0)
        let entrances = group?.entrances ?? []
        do throws(SandboxError) {
            replies = try channel.send(header, descriptors: [theirs] + entrances)
        } catch {
            _ = group?.removeIfEmpty()
            throw error
        }
        entrances.forEach { $0.close() }
    }

    /// Gives it its program. Returns false when the process is gone already.
    func start(_ program: Program, _ limits: Program.Limits, streams: [Descriptor]) throws(SandboxError) -> Bool {
        var header = nrx_program()
        header.argument_count = UInt32(program.argumentCount)
        header.variable_count = UInt32(program.variableCount)
        header.descriptors_max = UInt64(limits.descriptorsMax)
        header.file_bytes_max = UInt64(limits.fileBytesMax)
        let bytes = try InitChannel.encode(header, program.strings)
        let failure = InitChannel.send(bytes, streams, to: programs)
        programs.close()
        if failure == EPIPE || failure == ECONNRESET { return false }
        guard failure == 0 else { throw .system("cannot hand over a program", failure) }
        return true
    }
}
