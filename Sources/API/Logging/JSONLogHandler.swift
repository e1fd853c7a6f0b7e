import CanonicalJSON
import EventStore
import Glibc
public import Logging

/// Writes the process's log as one JSON object a line, for machines that collect it.
///
/// ```
/// {"at":"2026-03-01T14:00:00.123456Z","level":"info","message":"request","method":"GET","status":200,…}
/// ```
public struct JSONLogHandler: LogHandler {
    public var logLevel = Logger.Level.info
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let write: @Sendable ([UInt8]) -> Void
    private let now: @Sendable () -> Timestamp

    /// A handler that writes to standard error.
    public static func standardError() -> JSONLogHandler {
        JSONLogHandler(now: SystemClock.now) { line in
            // One call for each line, so that lines of several threads do not mix; a pipe may take a long one in parts.
            line.withUnsafeBytes { bytes in
                var rest = UnsafeRawBufferPointer(rebasing: bytes[...])
                while !rest.isEmpty {
                    let count = Glibc.write(STDERR_FILENO, rest.baseAddress, rest.count)
                    if count < 0, errno == EINTR { continue }
                    // A log that cannot be written cannot be told of either.
                    guard count > 0 else { return }
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                }
            }
        }
    }

    init(now: @escaping @Sendable () -> Timestamp, write: @escaping @Sendable ([UInt8]) -> Void) {
        self.now = now
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var line = JSONObject()
        let provided = metadataProvider?.get() ?? [:]
        let all = metadata.merging(provided) { $1 }.merging(event.metadata ?? [:]) { $1 }
        for (name, value) in all { line[name] = Self.json(value) }
        if let error = event.error { line["error"] = .string("\(error)") }
        // What every line has goes last, so that no metadata can take its place.
        line["at"] = .string(now().text)
        line["level"] = .string(event.level.rawValue)
        line["message"] = .string("\(event.message)")
        write(JSONValue.object(line).canonicalBytes + [UInt8(ascii: "\n")])
    }

    /// Numbers and truth values as such, everything else as text.
    private static func json(_ value: Logger.Metadata.Value) -> JSONValue {
        switch value {
        case .string(let text): return .string(text)
        case .stringConvertible(let value):
            let text = value.description
            if let number = Int64(text), (-integerMax...integerMax).contains(number) { return .integer(number) }
            return Bool(text).map { .bool($0) } ?? .string(text)
        case .array(let values): return .array(values.map(json))
        case .dictionary(let members):
            var object = JSONObject()
            for (name, member) in members { object[name] = json(member) }
            return .object(object)
        }
    }

    /// Largest integer that every JSON reader holds exactly.
    private static let integerMax: Int64 = (1 << 53) - 1
}

/// How the process's log looks.
public enum LogFormat: String, Sendable, CaseIterable {
    /// Text on a terminal, JSON elsewhere.
    case auto
    case text
    case json

    /// The handler of a log of this form on standard error.
    public func handler(label: String) -> any LogHandler {
        let isText = self == .text || self == .auto && isatty(STDERR_FILENO) == 1
        return isText ? ServerLogHandler(label: label) : JSONLogHandler.standardError()
    }
}
