/// What came of one probe.
enum ProbeResult: Sendable, Equatable {
    /// An HTTP answer came.
    case answered(status: Int, latencyMicroseconds: Int64)
    /// None came in time, or what came was none.
    case silent
    /// It says nothing about the agent, so it does not count: the address may not be asked, or this node itself could not ask.
    case uncounted(reason: String)
}
