import CLinux
import Glibc
import Synchronization

/// A piece of a command's output, in the order in which it was read.
public enum ExecOutput: Sendable, Equatable {
    case standardOutput([UInt8])
    case standardError([UInt8])

    var byteCount: Int {
        switch self {
        case .standardOutput(let bytes), .standardError(let bytes): bytes.count
        }
    }
}

/// A command's output on its way to one reader while the command runs.
///
/// At most ``waitingBytesMax`` wait for a reader that stalls, and one reading more; then nothing is read from the command,
/// which waits at its full pipes as it would at a slow terminal. Its timeout goes on. What it has left in its pipes when
/// it ends is taken without waiting, so no reader can keep a command from ending.
///
/// ```swift
/// let output = ExecOutputStream()
/// async let result = environment.execute(request, output: output)
/// while case .piece(let piece) = await output.next(quietAfter: .seconds(60)) { send(piece) }
/// ```
public final class ExecOutputStream: Sendable {
    /// What a reader gets.
    public enum Step: Sendable, Equatable {
        case piece(ExecOutput)
        /// Nothing came for as long as the reader wanted to wait.
        case quiet
        /// The command has ended, and everything was given out.
        case end
    }

    /// Output that may wait for the reader, in bytes.
    public static let waitingBytesMax = 256 << 10

    private struct State {
        var pieces: [ExecOutput] = []
        var waitingBytes = 0
        var isEnded = false
        /// The reader is gone: whatever comes is dropped.
        var isAbandoned = false
        /// The reader that waits, and the number of its call.
        var reader: (call: UInt64, continuation: CheckedContinuation<Step, Never>)?
        var calls: UInt64 = 0
        /// Wakes the thread that reads from the command.
        var wake: Descriptor?
    }

    private let state = Mutex(State())

    public init() {}

    /// How much waits for the reader now, in bytes.
    public var waitingBytes: Int { state.withLock { $0.waitingBytes } }

    /// The next piece, or that there was none for `patience`. One reader.
    public func next(quietAfter patience: Duration) async -> Step {
        let (ready, call) = state.withLock { state in
            state.calls += 1
            return (Self.takeReady(&state), state.calls)
        }
        if let ready { return ready }
        let alarm = Task { [weak self] in
            // Cancelled as soon as there is something.
            do { try await Task.sleep(for: patience) } catch { return }
            self?.stopWaiting(call)
        }
        defer { alarm.cancel() }
        return await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                let ready = Self.takeReady(&state)
                if ready == nil { state.reader = (call, continuation) }
                return ready
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    /// The reader will not come again: the command no longer waits for it.
    public func abandon() {
        let reader = state.withLock { state in
            state.isAbandoned = true
            state.pieces = []
            state.waitingBytes = 0
            state.wake?.signal()
            defer { state.reader = nil }
            return state.reader
        }
        reader?.continuation.resume(returning: .end)
    }

    private func stopWaiting(_ call: UInt64) {
        let reader = state.withLock { state in
            guard state.reader?.call == call else { return nil as CheckedContinuation<Step, Never>? }
            defer { state.reader = nil }
            return state.reader?.continuation
        }
        reader?.resume(returning: .quiet)
    }

    private static func takeReady(_ state: inout State) -> Step? {
        guard !state.pieces.isEmpty else { return state.isEnded || state.isAbandoned ? .end : nil }
        let piece = state.pieces.removeFirst()
        let wasFull = state.waitingBytes >= waitingBytesMax
        state.waitingBytes -= piece.byteCount
        if wasFull && state.waitingBytes < waitingBytesMax { state.wake?.signal() }
        return .piece(piece)
    }

    // The side of the thread that reads from the command.

    /// Whether nothing more may be read for now.
    var isFull: Bool { state.withLock { $0.waitingBytes >= Self.waitingBytesMax } }

    /// Readable after ``isFull`` has become false.
    func attach(_ wake: Descriptor) { state.withLock { $0.wake = wake } }

    func offer(_ piece: ExecOutput) {
        let reader = state.withLock { state in
            guard !state.isAbandoned else { return nil as CheckedContinuation<Step, Never>? }
            if let reader = state.reader {
                state.reader = nil
                return reader.continuation
            }
            state.pieces.append(piece)
            state.waitingBytes += piece.byteCount
            return nil
        }
        reader?.resume(returning: .piece(piece))
    }

    /// Nothing more comes.
    public func end() {
        let reader = state.withLock { state in
            state.isEnded = true
            state.wake = nil
            defer { state.reader = nil }
            return state.reader
        }
        reader?.continuation.resume(returning: .end)
    }
}

extension Descriptor {
    /// An event: readable from ``signal()`` until ``clear()``.
    static func event() throws(SandboxError) -> Descriptor {
        let number = nrx_event_descriptor()
        guard number >= 0 else { throw .system("cannot make an event descriptor", errno) }
        return Descriptor(number)
    }

    /// Makes an event readable.
    func signal() {
        var one: UInt64 = 1
        _ = write(number, &one, 8)
    }

    /// Makes an event unreadable.
    func clear() {
        var count: UInt64 = 0
        _ = read(number, &count, 8)
    }
}
