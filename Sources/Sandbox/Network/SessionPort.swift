import CLinux
import Glibc

extension SessionEnvironment {
    /// Connects to a port that a program of the session listens on, on the session's own loopback.
    ///
    /// - Returns: a connected TCP socket that does not block. It is the caller's, who closes it
    ///   when the session ends at the latest.
    /// - Throws: `connectionRefused` when nothing listens there.
    public func connect(port: UInt16) async throws(SandboxError) -> Int32 {
        try await host.threads.run { () throws(SandboxError) in
            try self.refuseWhenDestroying()
            var header = nrx_request()
            header.type = NRX_REQUEST_CONNECT.rawValue
            header.first = UInt64(port)
            let reply = try self.raw.channel.ask(header)
            guard let socket = reply.descriptor else {
                throw .system("the session's init sent no descriptor", EPROTO)
            }
            try Self.waitUntilConnected(socket.number)
            return socket.release()
        }
    }

    private static func waitUntilConnected(_ socket: Int32) throws(SandboxError) {
        var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        guard poll(&entry, 1, 5_000) == 1 else {
            throw SandboxError(.connectionRefused, "the port takes no connections", systemError: ETIMEDOUT)
        }
        var failure: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &length) == 0, failure == 0 else {
            throw SandboxError(.connectionRefused, "nothing listens on that port", systemError: failure)
        }
    }
}
