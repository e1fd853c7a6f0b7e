import GRDB

extension ProjectionStore {
    /// Copies the projection at `path`, as it is at one moment, to the new file `target`: for looking into it without
    /// touching it, also while a server writes to it.
    ///
    /// - Throws: ``ProjectionError`` `damaged` when SQLite cannot read it, `storage` when it is not there or cannot be
    ///   copied.
    public static func snapshot(of path: String, to target: String) throws(ProjectionError) {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.label = "projections-snapshot"
            let source = try DatabaseQueue(path: path, configuration: configuration)
            let copy = try DatabaseQueue(path: target)
            try source.backup(to: copy)
            try copy.close()
            try source.close()
        } catch { throw ProjectionError(error, while: "copying \(path)") }
    }
}
