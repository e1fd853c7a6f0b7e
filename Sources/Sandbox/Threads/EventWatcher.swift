import CLinux
import Glibc
import Synchronization

/// One thread that waits for events of many environments: the end of an init, a memory limit that was hit.
final class EventWatcher: Sendable {
    enum Kind { case readable, priority }
    enum Answer { case keep, remove }
    typealias Token = UInt64

    private struct Entry: Sendable {
        var descriptor: Descriptor
        var body: @Sendable () -> Answer
    }

    private let poller: Descriptor
    private let entries = Mutex<(next: Token, byToken: [Token: Entry])>((1, [:]))
    private let isEnding = Atomic(false)
    private let wake: Descriptor

    init() throws(SandboxError) {
        let number = nrx_poller()
        guard number >= 0 else { throw .system("cannot make an event poller", errno) }
        poller = Descriptor(number)
        wake = try .event()
        let watched = nrx_poller_add(poller.number, wake.number, 0, 0)
        guard watched == 0 else { throw .system("cannot watch", watched) }
        let failure = Thread.detach(stackBytes: 256 * 1024) { [self] in serve() }
        guard failure == 0 else { throw .system("cannot start a thread", failure) }
    }

    /// Calls `body` on the watcher's thread whenever the descriptor is ready. `body` must be quick.
    func add(_ descriptor: Descriptor, kind: Kind, body: @escaping @Sendable () -> Answer) throws(SandboxError) -> Token
    {
        let token = entries.withLock { entries in
            defer { entries.next += 1 }
            entries.byToken[entries.next] = Entry(descriptor: descriptor, body: body)
            return entries.next
        }
        let failure = nrx_poller_add(poller.number, descriptor.number, kind == .priority ? 1 : 0, token)
        guard failure == 0 else {
            _ = entries.withLock { $0.byToken.removeValue(forKey: token) }
            throw .system("cannot watch", failure)
        }
        return token
    }

    /// After this, the descriptor is no longer watched or held.
    func remove(_ token: Token) {
        guard let entry = entries.withLock({ $0.byToken.removeValue(forKey: token) }) else { return }
        nrx_poller_remove(poller.number, entry.descriptor.number)
    }

    /// Lets the thread end.
    func end() {
        isEnding.store(true, ordering: .sequentiallyConsistent)
        wake.signal()
    }

    private func serve() {
        var tokens = [UInt64](repeating: 0, count: 64)
        while !isEnding.load(ordering: .sequentiallyConsistent) {
            let count = nrx_poller_wait(poller.number, &tokens, Int32(tokens.count))
            for token in tokens.prefix(Int(max(count, 0))) where token != 0 {
                guard let entry = entries.withLock({ $0.byToken[token] }) else { continue }
                if entry.body() == .remove { remove(token) }
            }
        }
    }
}
