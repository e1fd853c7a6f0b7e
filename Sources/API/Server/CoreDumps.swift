import Foundation
public import Logging

/// Keeps what passes through the server's memory (API keys, session content) out of core dumps.
public enum CoreDumps {
    /// Forbids core dumps of this process and its children for good, and empties those that a handler would still get: a
    /// pipe in `core_pattern` is not held by the limit (core(5)).
    public static func forbid(logger: Logger) {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        if setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) != 0 {
            logger.warning("core dumps could not be forbidden", metadata: ["errno": .stringConvertible(errno)])
        }
        do { try Data("0\n".utf8).write(to: URL(filePath: "/proc/self/coredump_filter")) } catch {
            logger.warning("core dumps could not be emptied", metadata: ["error": .string("\(error)")])
        }
    }
}
