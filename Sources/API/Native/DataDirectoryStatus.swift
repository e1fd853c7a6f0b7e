import EventStore
import Glibc

/// What the file system under the data directory says right now. Blocking calls, on a thread of their own.
final class DataDirectoryStatus: Sendable {
    /// Below this the disk counts as full: a clean stop needs room for the last events, proofs and the checkpoint.
    static let bytesFreeMin: Int64 = 64 << 20

    private let path: String
    private let worker = SerialWorker(name: "nrx.health")

    init(path: String) { self.path = path }

    /// Whether there is room to go on writing.
    func hasRoom() async -> Bool {
        await worker.run { [path] in
            var status = statvfs()
            guard statvfs(path, &status) == 0 else { return false }
            return Int64(status.f_bavail) * Int64(status.f_frsize) >= Self.bytesFreeMin
        }
    }

    /// Whether a file is still where it was opened.
    func holds(_ name: String) async -> Bool {
        await worker.run { [path] in access(path + "/" + name, F_OK) == 0 }
    }
}
