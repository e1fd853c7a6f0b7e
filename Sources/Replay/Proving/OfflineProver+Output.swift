import CanonicalJSON
import EventStore

extension OfflineProver.Outcome {
    /// The answer as `nrx-replay prove` prints it: the proof's text and nothing else.
    public func output(sequence: UInt64) -> CommandOutput {
        switch self {
        case .proven(let proof):
            CommandOutput(
                "prove", status: .verified, text: proof.text,
                members: JSONObject(["sequence": .integer(Int64(sequence)), "proof": .string(proof.text)]))
        case .failed(let reason):
            CommandOutput(
                "prove", status: .failed, text: "",
                members: JSONObject(["sequence": .integer(Int64(clamping: sequence)), "reason": .string(reason)]))
        }
    }
}
