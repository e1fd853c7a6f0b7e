import Foundation
import Proofs
import Testing

@testable import Sandbox

@Suite("A command's output on its way to a reader")
struct ExecOutputStreamTests {
    private static func bytes(_ count: Int) -> ExecOutput { .standardOutput([UInt8](repeating: 7, count: count)) }

    @Test("Pieces come in order, those that waited and those that were waited for, then the end, and the end again")
    func order() async {
        let stream = ExecOutputStream()
        stream.offer(.standardOutput([1]))
        stream.offer(.standardError([2]))
        #expect(await stream.next(quietAfter: .seconds(60)) == .piece(.standardOutput([1])))
        #expect(await stream.next(quietAfter: .seconds(60)) == .piece(.standardError([2])))
        async let third = stream.next(quietAfter: .seconds(60))
        stream.offer(.standardOutput([3]))
        #expect(await third == .piece(.standardOutput([3])))
        async let fourth = stream.next(quietAfter: .seconds(60))
        stream.end()
        #expect(await fourth == .end)
        #expect(await stream.next(quietAfter: .seconds(60)) == .end)
    }

    @Test("A reader that waits in vain is told so, loses nothing by it, and nothing gathers while nobody reads")
    func quiet() async {
        let stream = ExecOutputStream()
        for _ in 0..<3 { #expect(await stream.next(quietAfter: .milliseconds(1)) == .quiet) }
        #expect(stream.waitingBytes == 0)
        stream.offer(.standardOutput([1]))
        #expect(await stream.next(quietAfter: .milliseconds(1)) == .piece(.standardOutput([1])))
    }

    @Test("It is full at its limit, and reading below the limit wakes whoever feeds it")
    func full() async throws {
        let stream = ExecOutputStream()
        let wake = try Descriptor.event()
        stream.attach(wake)
        func isAwake() -> Bool {
            var entry = pollfd(fd: wake.number, events: Int16(POLLIN), revents: 0)
            return poll(&entry, 1, 0) == 1
        }
        stream.offer(Self.bytes(ExecOutputStream.waitingBytesMax - 1))
        #expect(!stream.isFull)
        stream.offer(Self.bytes(1))
        #expect(stream.isFull && !isAwake())
        _ = await stream.next(quietAfter: .seconds(60))
        #expect(!stream.isFull && isAwake())
    }

    @Test("An abandoned stream holds nothing and is never full")
    func abandoned() async throws {
        let stream = ExecOutputStream()
        let wake = try Descriptor.event()
        stream.attach(wake)
        stream.offer(Self.bytes(ExecOutputStream.waitingBytesMax))
        stream.abandon()
        #expect(!stream.isFull && stream.waitingBytes == 0)
        stream.offer(Self.bytes(ExecOutputStream.waitingBytesMax))
        #expect(!stream.isFull && stream.waitingBytes == 0)
        #expect(await stream.next(quietAfter: .seconds(60)) == .end)
    }
}

@Suite(
    "Commands and readers that stall", .enabled("sandboxes work here", SandboxFixture.isAvailable),
    .timeLimit(.minutes(10)))
struct StalledReaderTests {
    /// Reads until the end; the bytes of stdout.
    private static func drain(_ stream: ExecOutputStream) async -> Int {
        var count = 0
        while true {
            switch await stream.next(quietAfter: .seconds(60)) {
            case .piece(.standardOutput(let bytes)): count += bytes.count
            case .piece(.standardError), .quiet: break
            case .end: return count
            }
        }
    }

    @Test("A command waits for a reader that stalls, little is held meanwhile, and nothing is lost")
    func stalled() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let stream = ExecOutputStream()
            // Touches `done` when everything is written, which it cannot be before somebody reads.
            let command = "head -c 900000 /dev/zero; touch done"
            async let result = environment.execute(ExecRequest(.shell(command)), output: stream)
            while stream.waitingBytes < ExecOutputStream.waitingBytesMax { try await Task.sleep(for: .milliseconds(2)) }
            // At most one reading more than the limit, and a pipe that is full inside.
            #expect(stream.waitingBytes < ExecOutputStream.waitingBytesMax + 4 * 65_536 + 1)
            #expect(environment.isExecuting)
            #expect(try await environment.files().map(\.name).contains("done") == false)
            #expect(await Self.drain(stream) == 900_000)
            let ended = try await result
            #expect(ended.exitCode == 0 && ended.stdoutBytes == 900_000 && !ended.truncated)
            #expect(ended.stdout.isEmpty, "given out, not kept")
        }
    }

    @Test("A reader that stalls for ever keeps no command from its timeout, and what was written is still to be had")
    func timeout() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let stream = ExecOutputStream()
            let request = ExecRequest(.shell("yes"), timeoutMicroseconds: 200_000)
            let result = try await environment.execute(request, output: stream)
            #expect(result.timedOut && result.signal != nil)
            #expect(await Self.drain(stream) >= ExecOutputStream.waitingBytesMax)
        }
    }

    @Test("A destruction does not wait for a reader that stalls")
    func destruction() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let stream = ExecOutputStream()
            async let result = environment.execute(ExecRequest(.shell("yes")), output: stream)
            while stream.waitingBytes < ExecOutputStream.waitingBytesMax { try await Task.sleep(for: .milliseconds(2)) }
            #expect(try await environment.destroy().isolation.processesAfter == 0)
            #expect(try await result.signal == 9)
        }
    }

    @Test("When the reader has gone the command runs on, to its end")
    func gone() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let stream = ExecOutputStream()
            async let result = environment.execute(ExecRequest(.shell("head -c 900000 /dev/zero")), output: stream)
            while stream.waitingBytes < ExecOutputStream.waitingBytesMax { try await Task.sleep(for: .milliseconds(2)) }
            stream.abandon()
            #expect(try await result.stdoutBytes == 900_000)
        }
    }
}
