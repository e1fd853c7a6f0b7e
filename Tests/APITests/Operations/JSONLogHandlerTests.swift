import CanonicalJSON
import EventStore
import Logging
import Synchronization
import Testing

@testable import API

@Suite("The process's log as JSON")
struct JSONLogHandlerTests {
    /// What `log` writes.
    private func lines(_ log: (Logger) -> Void) -> [String] {
        let collected = Collected()
        log(
            Logger(label: "test") { _ in
                JSONLogHandler(now: { Timestamp(microseconds: 0) }) { collected.add($0) }
            })
        return collected.lines.map { String(decoding: $0, as: UTF8.self) }
    }

    private final class Collected: Sendable {
        private let all = Mutex<[[UInt8]]>([])
        var lines: [[UInt8]] { all.withLock { $0 } }
        func add(_ line: [UInt8]) { all.withLock { $0.append(line) } }
    }

    @Test("one object a line: time, level, message, and the metadata as numbers, truths and texts")
    func line() {
        let written = lines { logger in
            logger.info(
                "request",
                metadata: ["status": .stringConvertible(200), "ok": .stringConvertible(true), "route": "/v1/a"])
            logger.debug("not at this level")
        }
        #expect(
            written == [
                #"{"at":"1970-01-01T00:00:00.000000Z","level":"info","message":"request","ok":true,"route":"/v1/a","status":200}"#
                    + "\n"
            ])
    }

    @Test("no text can begin another line, and no metadata can take the place of level, time or message")
    func injection() throws {
        let written = lines { logger in
            logger.error(
                "a\nb", metadata: ["level": "info", "at": "never", "message": "other", "c": "d\n{\"level\":1}"])
        }
        #expect(written.count == 1)
        #expect(written[0].filter { $0 == "\n" }.count == 1)
        let read = try JSONReader.read(Array(written[0].utf8))
        #expect(read["level"] == "error" && read["message"] == "a\nb" && read["c"] == "d\n{\"level\":1}")
        #expect(read["at"] == "1970-01-01T00:00:00.000000Z")
    }

    @Test("numbers that no JSON reader holds exactly stay text")
    func largeNumbers() throws {
        let written = lines { $0.info("x", metadata: ["n": .stringConvertible(UInt64.max)]) }
        #expect(try JSONReader.read(Array(written[0].utf8))["n"] == "18446744073709551615")
    }
}
