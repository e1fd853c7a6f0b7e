import Glibc
import Replay

/// A bar on standard error while a log is read; nothing when that is no terminal.
///
/// Owned by the main thread.
final class ProgressBar {
    private static let widthInCharacters = 30
    private static let redrawMilliseconds = 100

    private let isTerminal = isatty(2) == 1
    private var lastDrawn: ContinuousClock.Instant?

    /// Draws how far `progress` has come, ten times a second at most.
    func show(_ progress: ScanProgress) {
        guard isTerminal else { return }
        let now = ContinuousClock.now
        if let lastDrawn, now - lastDrawn < .milliseconds(Self.redrawMilliseconds) { return }
        lastDrawn = now
        let share = progress.totalBytes > 0 ? min(1, Double(progress.doneBytes) / Double(progress.totalBytes)) : 1
        let filled = Int(share * Double(Self.widthInCharacters))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.widthInCharacters - filled)
        draw("\r[\(bar)] \(Int(share * 100)) %, \(progress.events) events")
    }

    /// Takes the bar away again.
    func clear() {
        if lastDrawn != nil { draw("\r\u{1B}[K") }
    }

    private func draw(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
