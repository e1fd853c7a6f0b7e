import Hummingbird
import Ledger
import NIOCore

/// What the HTTP server knows of a request beside its head and body.
struct APIRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The server's own id of this request: `req_` and 16 hex digits.
    let trace: String
    let remoteAddress: SocketAddress?
    /// Where the request comes from; nil when that is no internet address.
    var clientAddress: InternetAddress? {
        // A zone (`fe80::1%eth0`) names an interface of this machine, not a part of the address.
        remoteAddress?.ipAddress.flatMap { InternetAddress(String($0.prefix { $0 != "%" })) }
    }

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
        let number = UInt64.random(in: .min ... .max)
        let digits = String(number, radix: 16)
        trace = "req_" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}
