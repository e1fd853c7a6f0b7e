import Foundation
import Proofs
import Sandbox

/// The destruction of a session with 64 MiB of content, beside plain writes and reads of as many bytes.
enum WipeBenchmark {
    private static let contentBytes = 64 << 20
    private static let chunkBytes = 256 << 10

    static func rows(in directory: String, rounds: Rounds) async throws -> [Table.Row] {
        let host = try SessionBenchmark.host(directory, warmPoolSize: 0)
        let plain = try PlainPasses()
        // A destruction takes longer than a round: once a round, whatever its length.
        let medians = try await rounds.medians([
            { _ in try await destroy(on: host) }, { _ in try plain.run() },
        ])
        await host.shutdown()
        return [
            Table.Row(
                name: "session: destroy, 64 MiB (time)", ours: decimal(medians[0] * 1_000) + " ms",
                peer: "pwrite 4 ×, pread 1 × of 64 MiB in a tmpfs", theirs: decimal(medians[1] * 1_000) + " ms",
                ratio: medians[0] / medians[1], target: .atMost(2))
        ]
    }

    private static func destroy(on host: SandboxHost) async throws -> Double {
        var specification = SessionBenchmark.specification()
        specification.workspaceBytes = Int64(contentBytes) + (8 << 20)
        let environment = try await host.create(specification)
        let result = try await environment.execute(ExecRequest(.shell("head -c \(contentBytes) /dev/urandom > f")))
        guard result.exitCode == 0 else { throw BenchmarkError("a session's file could not be written") }
        let start = ContinuousClock.now
        let evidence = try await environment.destroy()
        let seconds = start.duration(to: .now).inSeconds
        guard evidence.overwrite.bytesCompared == contentBytes else { throw BenchmarkError("not all was wiped") }
        return seconds
    }

    /// What the machine allows: the same bytes written and read by one thread that neither compares nor makes them.
    private final class PlainPasses {
        private let descriptor: Int32
        private var chunk = [UInt8](repeating: 1, count: chunkBytes)

        init() throws {
            var path = Array("/dev/shm/nrx-bench-XXXXXX".utf8CString)
            descriptor = mkstemp(&path)
            guard descriptor >= 0 else { throw BenchmarkError("cannot create a file in /dev/shm") }
            unlink(path)
            _ = try run()
        }

        deinit { close(descriptor) }

        func run() throws -> Double {
            let start = ContinuousClock.now
            for pass in 0..<5 {
                for offset in stride(from: 0, to: contentBytes, by: chunkBytes) {
                    let count =
                        pass < 4
                        ? pwrite(descriptor, chunk, chunkBytes, off_t(offset))
                        : pread(descriptor, &chunk, chunkBytes, off_t(offset))
                    guard count == chunkBytes else { throw BenchmarkError("/dev/shm has no room for 64 MiB") }
                }
            }
            return start.duration(to: .now).inSeconds
        }
    }
}
