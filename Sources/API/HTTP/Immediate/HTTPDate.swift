import Glibc
import Synchronization

/// The `Date` field of answers (RFC 9110 §5.6.7), made once a second.
final class HTTPDate: Sendable {
    private let latest = Mutex((second: time_t.min, text: ""))

    /// The time of this moment, for example `Sun, 06 Nov 1994 08:49:37 GMT`.
    func text() -> String {
        let now = time(nil)
        return latest.withLock { latest in
            if latest.second != now { latest = (now, Self.text(of: now)) }
            return latest.text
        }
    }

    /// - Parameter second: seconds since 1970-01-01.
    static func text(of second: time_t) -> String {
        var (second, fields) = (second, tm())
        gmtime_r(&second, &fields)
        func padded(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return """
            \(days[Int(fields.tm_wday)]), \(padded(fields.tm_mday)) \(months[Int(fields.tm_mon)]) \(fields.tm_year + 1900) \
            \(padded(fields.tm_hour)):\(padded(fields.tm_min)):\(padded(fields.tm_sec)) GMT
            """
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
