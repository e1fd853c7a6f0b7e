import HTTPTypes
import Synchronization

/// Requests by route, method and status.
///
/// What a route counts with is made when the router is; a request only adds to it. So no request can make a new series,
/// whatever path or method it asks for.
final class RequestMetrics: Sendable {
    private static let durations = Histogram.Ranges.seconds(
        [0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])

    /// The methods that have a label of their own, and `other` for whatever else stands where a method stands.
    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    /// The requests of one method on one route.
    final class Series: Sendable {
        let method: String
        let route: String
        let duration = Histogram(RequestMetrics.durations)
        private let statuses = Counts()

        fileprivate init(method: String, route: String) { (self.method, self.route) = (method, route) }

        fileprivate func add(_ status: Int, _ elapsed: Duration) {
            statuses.add(at: StatusSlots.slot(of: status))
            duration.record(elapsed)
        }

        /// How often each status was answered that was.
        var counts: [(status: String, count: UInt64)] {
            StatusSlots.names.enumerated().map { ($1, statuses.value(at: $0)) }.filter { $0.1 > 0 }
        }
    }

    /// The series of one route: one for each method that has a label, and one for the others.
    struct Route: Sendable {
        fileprivate let series: [Series]

        fileprivate init(_ pattern: String, methods: Set<HTTPRequest.Method>) {
            let other = Series(method: "other", route: pattern)
            series =
                RequestMetrics.methods.map { method in
                    methods.contains(method) ? Series(method: method.rawValue, route: pattern) : other
                } + [other]
        }

        /// Each of them once; the one of the other methods stands in several places.
        fileprivate var distinct: [Series] {
            series.dropLast().filter { $0 !== series[series.count - 1] } + series.suffix(1)
        }

        /// A request was answered.
        ///
        /// - Parameter elapsed: until the answer's head.
        func answered(_ method: HTTPRequest.Method, status: Int, elapsed: Duration) {
            series[RequestMetrics.methods.firstIndex(of: method) ?? series.count - 1].add(status, elapsed)
        }
    }

    /// Paths that are no route.
    let unknown = Route("none", methods: Set(RequestMetrics.methods))
    private let routes = Mutex<[String: Route]>([:])

    /// What the requests of a route count with; the same whenever it is asked for again.
    ///
    /// - Parameters:
    ///   - pattern: its path, with names where ids stand.
    ///   - methods: those that it has; the others share the label `other`.
    func route(_ pattern: String, methods: Set<HTTPRequest.Method>) -> Route {
        routes.withLock { routes in
            if let known = routes[pattern] { return known }
            let new = Route(pattern, methods: methods)
            routes[pattern] = new
            return new
        }
    }

    /// The series that counted anything, by route and method.
    var series: [Series] {
        let routes = routes.withLock { $0.sorted { $0.key < $1.key }.map(\.value) } + [unknown]
        return routes.flatMap(\.distinct).filter { !$0.counts.isEmpty }
    }
}

/// A place for each status code that the server answers with, and one for all others.
enum StatusSlots {
    private static let codes = [
        101, 200, 201, 202, 204, 206, 207, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408, 409,
        410, 411, 412, 413, 414, 415, 416, 422, 426, 428, 429, 431, 500, 501, 502, 503, 507,
    ]
    static let names = codes.map(String.init) + ["other"]

    /// By code; up to 599.
    private static let slots: [UInt8] = {
        var slots = [UInt8](repeating: UInt8(codes.count), count: 600)
        for (slot, code) in codes.enumerated() { slots[code] = UInt8(slot) }
        return slots
    }()

    static func slot(of status: Int) -> Int {
        slots.indices.contains(status) ? Int(slots[status]) : codes.count
    }
}
