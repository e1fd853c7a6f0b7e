import Glibc
import NIOPosix
import Synchronization

/// The terminal that this program runs in, lent to a session: every key goes through, until ``giveBack()``. Where standard
/// input is no terminal its bytes are typed as they are.
///
/// Keys and signals have a thread each, because there may be none for hours.
final class LocalTerminal: Sendable {
    /// Something that happens beside the typing.
    enum Happening: Sendable, Equatable {
        case resized(columns: Int, rows: Int)
        /// This program was asked to end.
        case signalled(Int32)
    }

    private static let input: Int32 = 0
    private static let output: Int32 = 1
    private static let pieceBytes = 4_096
    /// What ends this program while the terminal is lent. Ctrl-C is a key then, not a signal.
    private static let endingSignals = [SIGTERM, SIGHUP, SIGINT]

    let isInteractive: Bool
    private let settings = Mutex<termios?>(nil)
    private let threads: NIOThreadPool
    /// Written to when reading is over.
    private let wake: Pipe
    /// The numbers of signals, as they come; 0 when it is over.
    private let signals: Pipe

    /// Takes the terminal; one at a time.
    ///
    /// - Throws: ``ClientError/Code/file`` when it cannot be set up.
    init() throws(ClientError) {
        isInteractive = isatty(Self.input) == 1
        wake = try Pipe()
        signals = try Pipe()
        threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
        SignalWriter.descriptor.store(signals.writing, ordering: .sequentiallyConsistent)
        for number in [SIGWINCH] + Self.endingSignals { signal(number, SignalWriter.handler) }
        if isInteractive { try takeKeys() }
    }

    /// Columns and rows; nil where there is no terminal.
    static var size: (columns: Int, rows: Int)? {
        for descriptor in [output, input] {
            var size = winsize()
            if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 {
                return (Int(size.ws_col), Int(size.ws_row))
            }
        }
        return nil
    }

    /// Every key is passed on, none is shown or acted upon here (termios(3), "Raw mode").
    private func takeKeys() throws(ClientError) {
        var before = termios()
        guard tcgetattr(Self.input, &before) == 0 else { throw .file("The terminal", "cannot be set up", errno) }
        var raw = before
        cfmakeraw(&raw)
        guard tcsetattr(Self.input, TCSADRAIN, &raw) == 0 else {
            throw .file("The terminal", "cannot be set up", errno)
        }
        settings.withLock { $0 = before }
    }

    /// What is typed next; nil at the end of the input, and after ``giveBack()``.
    func read() async throws(ClientError) -> [UInt8]? {
        try await run { [wake] () throws(ClientError) in try Self.read(wake.reading) }
    }

    /// What happens next beside the typing; nil after ``giveBack()``.
    func happening() async throws(ClientError) -> Happening? {
        try await run { [signals] () throws(ClientError) in
            while true {
                var number: UInt8 = 0
                let count = Glibc.read(signals.reading, &number, 1)
                if count < 0, errno == EINTR { continue }
                guard count == 1, number > 0 else { return nil }
                guard number == SIGWINCH else { return .signalled(Int32(number)) }
                if let size = Self.size { return .resized(columns: size.columns, rows: size.rows) }
            }
        }
    }

    private func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(ClientError) -> Value?
    ) async throws(ClientError) -> Value? {
        let result: Result<Value?, ClientError>
        do { result = try await threads.runIfActive { Result { () throws(ClientError) in try body() } } } catch {
            // The terminal is given back.
            return nil
        }
        return try result.get()
    }

    private static func read(_ wake: Int32) throws(ClientError) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            var entries = [
                pollfd(fd: input, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&entries, 2, -1) < 0 {
                guard errno == EINTR else { throw .file("Standard input", "cannot be read", errno) }
                continue
            }
            guard entries[1].revents == 0 else { return nil }
            let count = Glibc.read(input, &bytes, bytes.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            // EIO: the terminal is gone.
            guard count >= 0 || errno == EIO else { throw .file("Standard input", "cannot be read", errno) }
            return count > 0 ? Array(bytes[..<count]) : nil
        }
    }

    /// Makes the terminal what it was before, and ends reading; signals do again what they do. Once; later calls do
    /// nothing.
    func giveBack() async {
        let before = settings.withLock { settings in
            defer { settings = nil }
            return settings
        }
        // Where it fails, the terminal is gone.
        if var before { tcsetattr(Self.input, TCSADRAIN, &before) }
        for number in [SIGWINCH] + Self.endingSignals { signal(number, SIG_DFL) }
        SignalWriter.descriptor.store(-1, ordering: .sequentiallyConsistent)
        wake.write(0)
        signals.write(0)
        // Nobody waits on the threads any more: they cannot fail to end.
        try? await threads.shutdownGracefully()
    }
}

/// A pipe, closed with the last who holds it.
private final class Pipe: Sendable {
    let reading: Int32
    let writing: Int32

    init() throws(ClientError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .file("The terminal", "cannot be set up", errno) }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        close(writing)
    }

    func write(_ byte: UInt8) {
        var byte = byte
        // A pipe with room for thousands, of which the reader is here.
        _ = Glibc.write(writing, &byte, 1)
    }
}

/// Puts the numbers of signals into a pipe: all that a signal's handler may do (signal-safety(7)).
private enum SignalWriter {
    static let descriptor = Atomic<Int32>(-1)

    static let handler: @convention(c) (Int32) -> Void = { number in
        let before = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = Glibc.write(SignalWriter.descriptor.load(ordering: .sequentiallyConsistent), &byte, 1)
        errno = before
    }
}
