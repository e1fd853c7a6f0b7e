import HTTPTypes

/// The routes that take requests on the thread that read them, found by method and path alone.
struct ImmediateRoutes: Sendable {
    /// A route that a request's head asks for.
    struct Match: Sendable {
        let entry: Entry
        /// What the path's last segment captured; nil where it captures nothing.
        let captured: String?
    }

    /// How such a route answers.
    enum Way: Sendable {
        case atOnce(ImmediateAnswer)
        case later(DeferredAnswer)
    }

    final class Entry: Sendable {
        let route: Route
        let path: RequestFrame.KnownPath
        let way: Way
        /// The name of what the last segment captures.
        let parameter: String?

        fileprivate init(_ route: Route, _ path: RequestFrame.KnownPath, _ way: Way, parameter: String?) {
            self.route = route
            self.path = path
            self.way = way
            self.parameter = parameter
        }
    }

    /// By path, of each method.
    private var whole: [HTTPRequest.Method: [String: Entry]] = [:]
    /// Those whose last segment is a parameter, by what stands before it, with the slash.
    private var beginnings: [HTTPRequest.Method: [String: Entry]] = [:]

    /// - Parameter metrics: of the requests, which are the same whichever way they are answered.
    init(_ routes: [Route], metrics: RequestMetrics) {
        for route in routes {
            guard let way = route.immediate.map(Way.atOnce) ?? route.deferred.map(Way.later) else { continue }
            let present = routes.filter { $0.path == route.path }
            let methods = Set(present.map(\.method.httpMethod))
            let path = RequestFrame.KnownPath(present, metrics.route(route.path, methods: methods.withHead))
            let method = route.method.httpMethod
            if let colon = route.path.lastIndex(of: ":") {
                // Only the last segment can be captured here; Hummingbird's router has all other patterns.
                let (beginning, name) = (route.path[..<colon], route.path[colon...].dropFirst())
                guard !beginning.contains(":"), !name.contains("/") else { continue }
                beginnings[method, default: [:]][String(beginning)] = Entry(
                    route, path, way, parameter: String(name))
            } else {
                whole[method, default: [:]][route.path] = Entry(route, path, way, parameter: nil)
            }
        }
    }

    /// - Parameter path: as it was sent. With a query, or anything encoded in it, it matches nothing here.
    func match(_ method: HTTPRequest.Method, _ path: String) -> Match? {
        if let entry = whole[method]?[path] { return Match(entry: entry, captured: nil) }
        guard let beginnings = beginnings[method], let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            return nil
        }
        let name = path.index(after: slash)
        guard let entry = beginnings[String(path[..<name])] else { return nil }
        let captured = path[name...]
        guard !captured.isEmpty, captured.utf8.allSatisfy(Self.isPlain) else { return nil }
        return Match(entry: entry, captured: String(captured))
    }

    /// Letters, digits, `-`, `_` and `.`: what ids are made of.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

extension RequestFrame.KnownPath {
    /// What the routes of one path have in common.
    init(_ present: [Route], _ metrics: RequestMetrics.Route) {
        self.init(
            pattern: present[0].path, dialect: .speaking(at: present[0].path),
            isForAnyOrigin: present.contains(where: \.isForAnyOrigin), metrics: metrics)
    }
}

extension Set<HTTPRequest.Method> {
    /// With HEAD, where there is GET.
    var withHead: Set<HTTPRequest.Method> { contains(.get) ? union([.head]) : self }
}
