import FuzzTargets
import Glibc

// Built with -DNRX_FUZZ and libFuzzer (scripts/fuzz.sh) it searches; built like everything else it runs the given files
// again and prints their verdicts, to look at a case that was found.

#if NRX_FUZZ
    @_silgen_name("LLVMFuzzerRunDriver")
    private func runDriver(
        _ count: UnsafeMutablePointer<Int32>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
    ) -> Int32
#endif

private func complain(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

private func name() -> String { getenv("NRX_FUZZ_TARGET").map { String(cString: $0) } ?? "" }

private let chosen = FuzzTarget(rawValue: name())
guard let target = chosen else {
    complain("Set NRX_FUZZ_TARGET to one of " + FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ") + ".")
    exit(2)
}

#if NRX_FUZZ
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    exit(
        runDriver(&count, &arguments) { bytes, count in
            guard let target = chosen else { return -1 }
            do {
                _ = try target.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
                return 0
            } catch {
                // The fuzzer keeps the input of a process that dies.
                complain("\(target.rawValue): \(error)")
                abort()
            }
        })
#else
    for path in CommandLine.arguments.dropFirst() {
        guard let file = fopen(path, "r") else {
            complain("cannot open \(path)")
            exit(2)
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: FuzzTarget.inputBytesMax + 1)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        do { print("\(path): \(try target.run(bytes).rawValue)") } catch {
            complain("\(path): \(error)")
            exit(1)
        }
    }
#endif
