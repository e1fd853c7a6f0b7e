/// Something of a session that a caller holds: an open file, a terminal. The destruction closes it first.
protocol Facility: AnyObject, Sendable {
    /// Ends it; quick, and fine to call twice.
    func close()
}
