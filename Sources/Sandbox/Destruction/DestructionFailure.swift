/// A destruction in which something was not as it must be. The session is gone as far as the machine allowed, but no
/// clean proof may be made of it.
public struct DestructionFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// One measurement that was not as expected.
    public struct Finding: Sendable, Equatable {
        /// Step of the destruction proof, 1 to 6 (docs/cdp.md).
        public var step: Int
        /// The evidence's member, or what could not be measured.
        public var measurement: String
        public var expected: String
        public var measured: String

        public init(step: Int, measurement: String, expected: String, measured: String) {
            self.step = step
            self.measurement = measurement
            self.expected = expected
            self.measured = measured
        }
    }

    /// At least one, in the order of the steps.
    public var findings: [Finding]

    public init(findings: [Finding]) { self.findings = findings }

    /// The first step that went wrong.
    public var step: Int { findings.first?.step ?? 0 }

    public var description: String {
        findings.map { "step \($0.step): \($0.measurement) is \($0.measured), expected \($0.expected)" }
            .joined(separator: "; ")
    }
}
