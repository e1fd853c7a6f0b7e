import AsyncHTTPClient
import EventStore
import Glibc
import Ledger
import NIOCore
import NIOHTTP1
import Synchronization

/// Asks one address, once: `GET`, no redirect followed, nothing of the body read, nothing sent but what every client sends.
final class ProbeClient: Sendable {
    /// Longest wait for a connection, and for the head of the answer from the beginning, in seconds.
    static let connectSecondsMax: Int64 = 5
    static let answerSecondsMax: Int64 = 10

    /// Where a URL leads; blocks.
    typealias Resolver = @Sendable (String) throws(ProbeTarget.Problem) -> ProbeTarget

    private let resolve: Resolver
    /// Names are looked up by blocking calls, so many at once as there are workers.
    private let workers: [SerialWorker]
    private let next = Atomic(0)

    /// - Parameters:
    ///   - lookUpsAtOnce: names that are looked up at the same time.
    ///   - resolve: says which address may be asked; that one and no other is.
    init(lookUpsAtOnce: Int, resolve: @escaping Resolver) {
        self.resolve = resolve
        workers = (0..<max(1, lookUpsAtOnce)).map { SerialWorker(name: "nrx.probe.\($0)") }
    }

    func probe(_ url: String) async -> ProbeResult {
        let worker = workers[next.add(1, ordering: .relaxed).oldValue & .max % workers.count]
        let target: ProbeTarget
        do throws(ProbeTarget.Problem) {
            target = try await worker.run { [resolve] () throws(ProbeTarget.Problem) in try resolve(url) }
        } catch {
            switch error {
            case .unknownHost: return .silent
            case .uncounted(let reason): return .uncounted(reason: reason)
            }
        }
        return await ask(url, at: target)
    }

    /// A client for this probe alone, because it is bound to the address that was checked.
    private func ask(_ url: String, at target: ProbeTarget) async -> ProbeResult {
        var configuration = HTTPClient.Configuration()
        configuration.dnsOverride = [target.host: target.address.text]
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(
            connect: .seconds(Self.connectSecondsMax), read: .seconds(Self.answerSecondsMax))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result = await result(of: url, through: http)
        do { try await http.shutdown() } catch {
            // It was shut down by nobody else, and its one request is over or cancelled: there is nothing left to close.
        }
        return result
    }

    private func result(of url: String, through http: HTTPClient) async -> ProbeResult {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "User-Agent", value: "nrx-ledger-probe")
        request.headers.add(name: "Accept", value: "*/*")
        request.headers.add(name: "Connection", value: "close")
        let begin = SystemClock.uptimeMicroseconds()
        do {
            let response = try await http.execute(request, timeout: .seconds(Self.answerSecondsMax))
            return .answered(
                status: Int(response.status.code), latencyMicroseconds: SystemClock.uptimeMicroseconds() - begin)
        } catch {
            if Task.isCancelled { return .uncounted(reason: "the server stops") }
            return Self.isOwnFault(error)
                ? .uncounted(reason: "this node could not ask: \(error)") : .silent
        }
    }

    /// Whether the error is of this node rather than of the agent: no network of that kind, or nothing left to open.
    private static func isOwnFault(_ error: any Error) -> Bool {
        guard let code = (error as? IOError)?.errnoCode else { return false }
        return [ENETUNREACH, ENETDOWN, EAFNOSUPPORT, EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EACCES]
            .contains(code)
    }
}
