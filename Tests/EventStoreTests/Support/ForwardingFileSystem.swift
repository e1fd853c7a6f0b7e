@testable import EventStore

/// The real disk, but for what a test's own does in between.
protocol ForwardingFileSystem: FileSystem {
    var real: POSIXFileSystem { get }
}

extension ForwardingFileSystem {
    func list(_ directory: String) throws(FileError) -> [String] { try real.list(directory) }
    func createDirectory(_ path: String) throws(FileError) { try real.createDirectory(path) }
    func rename(_ source: String, to target: String) throws(FileError) { try real.rename(source, to: target) }
    func remove(_ path: String) throws(FileError) { try real.remove(path) }
    func syncDirectory(_ path: String) throws(FileError) { try real.syncDirectory(path) }
    func exists(_ path: String) throws(FileError) -> Bool { try real.exists(path) }
}
