/// Where a request stands in a trace that spans several systems: W3C Trace Context, level 1, `traceparent`.
///
/// The trace's id goes on into the server's log and back to the client; this server's part of the trace is named by the
/// 16 digits of its own request id, which stand in every event that the request leads to.
struct TraceContext: Sendable, Equatable {
    /// 32 lower-case hex digits, not all zero.
    let traceID: String
    /// The caller's part: 16 lower-case hex digits, not all zero.
    let parentID: String
    /// 2 lower-case hex digits; the last bit says that the caller records the trace.
    let flags: String

    /// Reads the header (§3.2); nil for anything else, which then begins no trace here.
    init?(_ header: String?) {
        guard let header, header.utf8.count >= 55 else { return nil }
        let fields = header.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 4, Self.isHex(fields[0], 2), fields[0] != "ff", Self.isHex(fields[1], 32),
            Self.isHex(fields[2], 16), Self.isHex(fields[3], 2), !fields[1].allSatisfy({ $0 == "0" }),
            !fields[2].allSatisfy({ $0 == "0" })
        else { return nil }
        // Version 00 has exactly these; later ones may have more behind them.
        guard fields[0] != "00" || fields.count == 4 else { return nil }
        (traceID, parentID, flags) = (fields[1], fields[2], fields[3])
    }

    /// What goes back: the same trace, this server's part of it.
    ///
    /// - Parameter trace: the server's own id of the request, `req_` and 16 hex digits.
    func header(for trace: String) -> String { "00-\(traceID)-\(trace.dropFirst("req_".count))-\(flags)" }

    private static func isHex(_ text: String, _ count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
