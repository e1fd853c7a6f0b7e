/// Which of the layers that may be missing really are.
enum MissingLayers {
    /// Starts an environment with all layers; leaves out one that the machine lacks only if the operator named it, and
    /// tries again. What the machine has stays on, allowed to be missing or not.
    static func find(
        allowed: Set<Layer>, without first: Set<Layer>, launch: (Set<Layer>) throws(SandboxError) -> Void
    ) -> Set<Layer> {
        var missing = first
        for _ in Layer.allCases {
            do throws(SandboxError) {
                try launch(missing)
                return missing
            } catch {
                guard error.code == .layerMissing, let layer = Layer(rawValue: error.place), allowed.contains(layer),
                    missing.insert(layer).inserted
                else { return missing }
            }
        }
        return missing
    }
}
