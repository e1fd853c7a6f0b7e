import Hummingbird
import NIOCore

/// What the HTTP server knows of a request beside its head and body.
struct APIRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The server's own id of this request: `req_` and 16 hex digits.
    let trace: String
    let remoteAddress: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
        let number = UInt64.random(in: .min ... .max)
        let digits = String(number, radix: 16)
        trace = "req_" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
