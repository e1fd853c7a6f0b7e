import CLinux
import Foundation
import Glibc
import LedgerFixtures
import Proofs
import Testing

@testable import Sandbox

/// What nrx-init does with requests that no server of ours would send. The numbers come from fixed seeds.
@Suite(
    "nrx-init's control protocol", .enabled("sandboxes work here", SandboxFixture.isAvailable), .timeLimit(.minutes(10))
)
struct InitProtocolTests {
    private static let batches = 50
    private static let requestsPerBatch = 100

    @Test("Random and truncated requests are all answered; init neither ends nor hangs, and keeps no descriptor")
    func randomRequests() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let guardian = Self.endInitIfItHangs(environment)
            defer { guardian.cancel() }
            let flags = NRX_OPEN_WRITE.rawValue | NRX_OPEN_CREATE.rawValue
            _ = try environment.open("kept", flags: flags, mode: 0o600)
            let before = try Self.descriptorsWithoutChildren(environment)
            var fuzzer = RequestFuzzer(seed: 3)
            for batch in 0..<Self.batches {
                for _ in 0..<Self.requestsPerBatch {
                    #expect(fuzzer.send(to: environment.raw.channel) == 0, "batch \(batch)")
                }
                // Init takes requests in order: when this one is answered, so are all before it.
                _ = try environment.open("kept", flags: NRX_OPEN_READ.rawValue)
                #expect(try fuzzer.unanswered() == 0, "batch \(batch)")
            }
            // What a killed child held is given back when init has reaped it.
            var after = try Self.descriptorsWithoutChildren(environment)
            for _ in 0..<3_000 where after != before {
                try await Task.sleep(for: .milliseconds(10))
                after = try Self.descriptorsWithoutChildren(environment)
            }
            #expect(after == before)
            #expect(try await environment.shell("echo alive").text == "alive\n")
            #expect(try await environment.destroy().isolation.processesAfter == 0)
        }
    }

    @Test("An empty request is not the end of the server, with a descriptor or without")
    func emptyRequest() async throws {
        try await SandboxFixture.withEnvironment { environment in
            #expect(environment.raw.channel.send([], descriptors: []) == 0)
            let (own, theirs) = try Descriptor.socketPair()
            #expect(environment.raw.channel.send([], descriptors: [theirs]) == 0)
            let answer = try InitChannel.receive(own, milliseconds: 10_000)
            #expect(answer?.type == NRX_REPLY_FAILED && answer?.raw.error == EMSGSIZE)
            #expect(try await environment.shell("echo alive").text == "alive\n")
        }
    }

    @Test("A process that waits for its program refuses a damaged one; it never crashes")
    func randomPrograms() async throws {
        try await SandboxFixture.withEnvironment { environment in
            let guardian = Self.endInitIfItHangs(environment)
            defer { guardian.cancel() }
            var fuzzer = ProgramFuzzer(seed: 4)
            var refused = 0
            for number in 0..<400 {
                let end = try fuzzer.runOne(on: environment.raw.channel)
                let signal = end.status & 0x7f
                #expect(signal == 0, "program \(number) ended by signal \(signal)")
                refused += end.wasRefused ? 1 : 0
            }
            // Both happen: otherwise these programs test nothing.
            #expect((100..<400).contains(refused), "\(refused)")
            #expect(try await environment.shell("echo alive").text == "alive\n")
        }
    }

    @Test("Every input that a fuzzer kept or found is survived, with sanitizers watching")
    func fuzzCorpus() throws {
        let corpus = SandboxFixture.repository.appending(path: "fixtures/fuzz/init-protocol")
        let files = try FileManager.default.contentsOfDirectory(at: corpus, includingPropertiesForKeys: nil)
        #expect(files.count >= 29)
        let source = SandboxFixture.repository.appending(path: "Tests/Fuzz/InitProtocol/fuzz.c")
        let program = SandboxFixture.repository.appending(path: ".build/test-fuzz-init").path(percentEncoded: false)
        try SandboxFixture.run(
            "/usr/bin/env",
            [
                "cc", "-std=gnu11", "-D_GNU_SOURCE", "-DREPLAY", "-g", "-fsanitize=address,undefined",
                "-fno-sanitize-recover=all", "-o", program, source.path(percentEncoded: false),
            ])
        let output = try SandboxFixture.run(program, files.map { $0.path(percentEncoded: false) })
        #expect(output == "\(files.count) inputs\n")
    }

    /// So that a hanging init fails the test: everything sent to it then fails.
    private static func endInitIfItHangs(_ environment: SessionEnvironment) -> Task<Void, any Error> {
        let pid = environment.raw.initPid
        return Task {
            try await Task.sleep(for: .seconds(300))
            kill(pid, SIGKILL)
        }
    }

    /// How many descriptors init has once nothing else runs inside.
    private static func descriptorsWithoutChildren(_ environment: SessionEnvironment) throws -> Int {
        var header = nrx_request()
        header.type = NRX_REQUEST_KILL_ALL.rawValue
        _ = try environment.raw.channel.ask(header)
        return DirectoryListing.numbers(at: "/proc/\(environment.raw.initPid)/fd").count
    }
}
