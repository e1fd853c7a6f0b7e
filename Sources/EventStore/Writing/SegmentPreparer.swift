import Dispatch
import Synchronization

/// Zero-fills the next segment on a thread of its own, so that rolling costs the writer a rename.
final class SegmentPreparer: Sendable {
    private struct State {
        var ready: PreparedSegment?
        var isStopping = false
    }

    private let directory: String
    private let fileSystem: any FileSystem
    private let length: Int
    private let state = Mutex(State())
    // Begins at 0: libdispatch refuses to free a semaphore that stands below its first value.
    private let wanted = DispatchSemaphore(value: 0)
    private let stopped = DispatchSemaphore(value: 0)

    init(directory: String, fileSystem: any FileSystem, length: Int) {
        self.directory = directory
        self.fileSystem = fileSystem
        self.length = length
    }

    func start() {
        wanted.signal()
        DedicatedThread.start(name: "nrx-segments") { [self] in
            var number = 0
            while true {
                wanted.wait()
                if state.withLock({ $0.isStopping }) { break }
                number += 1
                // Failing here (a full disk) costs nothing yet: the writer tries again when it needs the segment, and
                // its error is the one that is reported.
                let prepared = try? SegmentFile.prepare(
                    in: directory, length: length, fileSystem: fileSystem, label: "next-\(number)")
                state.withLock { $0.ready = prepared }
            }
            stopped.signal()
        }
    }

    /// The prepared segment, if there is one; another is begun.
    func take() -> PreparedSegment? {
        let prepared = state.withLock { state in
            defer { state.ready = nil }
            return state.ready
        }
        if prepared != nil { wanted.signal() }
        return prepared
    }

    /// Ends the thread, waits for it and removes what it prepared. Blocking.
    func stop() throws(FileError) {
        state.withLock { $0.isStopping = true }
        wanted.signal()
        stopped.wait()
        if let prepared = state.withLock({ $0.ready }) { try fileSystem.remove(prepared.path) }
    }
}
