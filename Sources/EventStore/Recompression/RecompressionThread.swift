import Dispatch
import Glibc
import Synchronization

/// Recompresses sealed segments one after another, slowly, on a thread of its own. Appends never wait for it; readers
/// wait for one rename at most.
final class RecompressionThread: Sendable {
    private struct State {
        var isStopping = false
        var report = RecompressionReport()
        /// First sequences of segments that could not be rewritten; tried again after a restart.
        var givenUp: Set<UInt64> = []
    }

    /// Lowest priority that still makes progress; a server that answers requests goes first.
    private static let niceness: Int32 = 19

    private let index: SegmentIndex
    private let recompressor: SegmentRecompressor
    private let bytesPerSecondMax: Int
    private let state = Mutex(State())
    private let wanted = DispatchSemaphore(value: 0)
    private let stopping = DispatchSemaphore(value: 0)
    private let stopped = DispatchSemaphore(value: 0)

    /// - Parameter bytesPerSecondMax: text that is rewritten a second, in bytes.
    init(directory: String, fileSystem: any FileSystem, index: SegmentIndex, bytesPerSecondMax: Int) {
        self.index = index
        self.bytesPerSecondMax = max(1, bytesPerSecondMax)
        recompressor = SegmentRecompressor(directory: directory, fileSystem: fileSystem)
    }

    /// What was done so far.
    var report: RecompressionReport { state.withLock { $0.report } }

    /// Begins with what is sealed already.
    func start() {
        DedicatedThread.start(name: "nrx-recompress") { [self] in
            // Concerns this thread only, on Linux. Where it is refused the work is done at ordinary priority.
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
            repeat { rewriteAll() } while waitForMore()
            stopped.signal()
        }
    }

    /// Tells the thread that a segment was sealed. Cheap.
    func noteSealed() { wanted.signal() }

    /// Ends the thread, in the middle of a segment if need be, and waits for it. Blocking.
    func stop() {
        state.withLock { $0.isStopping = true }
        stopping.signal()
        wanted.signal()
        stopped.wait()
    }

    private func waitForMore() -> Bool {
        wanted.wait()
        return !state.withLock { $0.isStopping }
    }

    private func rewriteAll() {
        while let segment = index.nextToRecompress(besides: state.withLock({ $0.givenUp })) {
            if state.withLock({ $0.isStopping }) { return }
            do throws(EventLogError) {
                guard let done = try rewrite(segment) else { return }
                state.withLock { $0.report.add(done) }
            } catch {
                // The log goes on without: what is there is good, only larger.
                state.withLock { state in
                    state.givenUp.insert(segment.firstSequence)
                    state.report.failure = error
                }
            }
        }
    }

    private func rewrite(_ segment: SegmentIndex.Segment) throws(EventLogError) -> SegmentRecompressor.Rewritten? {
        let clock = ContinuousClock()
        var last = clock.now
        return try index.recompress(segment, with: recompressor) { textBytes in
            let due = last + .seconds(Double(textBytes) / Double(bytesPerSecondMax))
            let pause = clock.now.duration(to: due)
            defer { last = clock.now }
            guard pause > .zero else { return !state.withLock { $0.isStopping } }
            let nanoseconds = pause.components.seconds * 1_000_000_000 + pause.components.attoseconds / 1_000_000_000
            return stopping.wait(timeout: .now() + .nanoseconds(Int(nanoseconds))) == .timedOut
        }
    }
}

/// What recompression did since the log was opened.
public struct RecompressionReport: Sendable {
    /// Segments rewritten.
    public private(set) var segments = 0
    /// Bytes of their events before compression.
    public private(set) var textBytes = 0
    /// Bytes of their files before and after.
    public private(set) var storedBytesBefore = 0
    public private(set) var storedBytes = 0
    /// Why a segment could not be rewritten; nil while none failed. The segment is as it was.
    public internal(set) var failure: EventLogError?

    public init() {}

    mutating func add(_ done: SegmentRecompressor.Rewritten) {
        segments += 1
        textBytes += done.textBytes
        storedBytesBefore += done.storedBytesBefore
        storedBytes += done.storedBytes
    }
}
