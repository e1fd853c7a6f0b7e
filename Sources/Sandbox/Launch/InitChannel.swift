import CLinux
import Glibc
import Synchronization

/// The server's end of the control socket to one nrx-init. Each request brings its own reply socket, so requests from
/// many threads never mix.
final class InitChannel: Sendable {
    private struct State {
        /// nil once closed.
        var control: Descriptor?
        /// Set when the destruction begins: from then on only its own requests go out.
        var isEnding = false
    }

    /// Owned by its lock, which each send holds, so that no closed number is ever used.
    private let state: Mutex<State>

    init(control: Descriptor) { state = Mutex(State(control: control)) }

    /// Lets no request through any more but those of the destruction.
    func beginEnding() { state.withLock { $0.isEnding = true } }

    /// Closes the socket; init then ends, if it lives.
    func close() { state.withLock { $0.control = nil } }

    /// Sends a request and returns the socket on which its answers come.
    func send(
        _ header: nrx_request, strings: [String] = [], descriptors: [Descriptor] = [], isPartOfEnding: Bool = false
    ) throws(SandboxError) -> Descriptor {
        let bytes = try Self.encode(header, strings)
        let (own, theirs) = try Descriptor.socketPair()
        let failure = send(bytes, descriptors: [theirs] + descriptors, isPartOfEnding: isPartOfEnding)
        guard failure == 0 else {
            throw failure == EPIPE || failure == ECONNRESET
                ? SandboxError(.gone, "the session's environment has ended")
                : .system("cannot reach the session's init", failure)
        }
        return own
    }

    /// Sends one datagram as it is. 0, or errno; EPIPE when nothing may be sent any more.
    func send(_ bytes: [UInt8], descriptors: [Descriptor], isPartOfEnding: Bool = false) -> Int32 {
        state.withLock { state in
            guard let control = state.control, !state.isEnding || isPartOfEnding else { return EPIPE }
            return Self.send(bytes, descriptors, to: control)
        }
    }

    /// Sends one datagram. 0, or errno.
    static func send(_ bytes: [UInt8], _ descriptors: [Descriptor], to socket: Descriptor) -> Int32 {
        // An array may be freed after its last use, before the call, and would close what is being sent.
        withExtendedLifetime((descriptors, socket)) {
            let numbers = descriptors.map(\.number)
            return nrx_send(socket.number, bytes, bytes.count, numbers, numbers.count)
        }
    }

    /// A header and NUL-terminated strings, as one datagram.
    static func encode<Header: BitwiseCopyable>(_ header: Header, _ strings: [String]) throws(SandboxError) -> [UInt8] {
        var bytes = withUnsafeBytes(of: header) { Array($0) }
        for string in strings {
            guard !string.utf8.contains(0) else {
                throw SandboxError(.invalidRequest, "a command, path or variable must not contain a NUL byte")
            }
            bytes += Array(string.utf8) + [0]
        }
        guard bytes.count <= Int(NRX_REQUEST_BYTES_MAX) else {
            throw SandboxError(
                .invalidRequest, "command and environment together may have \(Int(NRX_REQUEST_BYTES_MAX)) bytes")
        }
        return bytes
    }

    /// Waits for the next answer. nil when none came in time; throws `gone` when init has ended.
    static func receive(_ socket: Descriptor, milliseconds: Int32) throws(SandboxError) -> Reply? {
        var raw = nrx_reply()
        var descriptor: Int32 = -1
        var descriptorCount = 1
        var sender: pid_t = 0
        let count = nrx_receive(
            socket.number, &raw, MemoryLayout<nrx_reply>.size, &descriptor, &descriptorCount, &sender, milliseconds)
        let passed = descriptorCount > 0 ? Descriptor(descriptor) : nil
        if count == -Int(ETIMEDOUT) || count == -Int(EAGAIN) { return nil }
        if count == 0 || count == -Int(ECONNRESET) {
            throw SandboxError(.gone, "the session's environment has ended")
        }
        guard count == MemoryLayout<nrx_reply>.size else {
            throw .system("an answer of the session's init is damaged", count < 0 ? Int32(-count) : EPROTO)
        }
        return Reply(raw: raw, descriptor: passed, sender: sender)
    }

    struct Reply: Sendable {
        var raw: nrx_reply
        var descriptor: Descriptor?
        var sender: pid_t

        var type: nrx_reply_type { nrx_reply_type(raw.type) }
    }

    /// A request with exactly one answer. Throws what init reports.
    func ask(
        _ header: nrx_request, strings: [String] = [], milliseconds: Int32 = 10_000, isPartOfEnding: Bool = false
    ) throws(SandboxError) -> Reply {
        let socket = try send(header, strings: strings, isPartOfEnding: isPartOfEnding)
        guard let reply = try Self.receive(socket, milliseconds: milliseconds) else {
            throw .system("the session's init did not answer", ETIMEDOUT)
        }
        if reply.type == NRX_REPLY_FAILED { throw Self.failure(reply.raw) }
        return reply
    }

    /// What a FAILED answer means to the caller.
    static func failure(_ reply: nrx_reply) -> SandboxError {
        let number = reply.error
        switch nrx_stage(reply.stage) {
        case NRX_STAGE_DIRECTORY:
            return SandboxError(.noDirectory, "the working directory is not there", systemError: number)
        case NRX_STAGE_OPEN where number == ENOENT:
            return SandboxError(.notFound, "there is no such file", systemError: number)
        case NRX_STAGE_OPEN where number == ENOSPC || number == EDQUOT:
            return SandboxError(.full, "the workspace is full", systemError: number)
        case NRX_STAGE_OPEN:
            return SandboxError(
                .refused, "only regular files and directories beneath the workspace can be opened, without links",
                systemError: number)
        case NRX_STAGE_CONNECT where number == ECONNREFUSED:
            return SandboxError(.connectionRefused, "nothing listens on that port", systemError: number)
        case NRX_STAGE_FORK:
            return SandboxError(.system, "the session cannot start another process", systemError: number)
        default:
            return SandboxError(
                .system, "the session's init failed at stage \(reply.stage)", systemError: number)
        }
    }
}
