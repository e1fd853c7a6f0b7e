import Hummingbird
import Ledger
import NIOCore

/// What Hummingbird hands from its middleware to a route beside the request.
struct APIRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The other end of the connection.
    let peer: InternetAddress?
    /// Set anew by ``AnswerMiddleware``, which sees through proxies.
    var facts: RequestFacts

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = InternetAddress(of: source.channel)
        facts = RequestFacts(client: peer)
    }
}
