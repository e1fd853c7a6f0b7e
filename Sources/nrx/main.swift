import ArgumentParser
import Client
import Glibc

/// A thin main: parse, run, and end with the program's own exit codes.
do {
    try await Program.parseAndRun()
} catch let code as ExitCode {
    exit(code.rawValue)
} catch {
    let text = Program.fullMessage(for: error)
    // Help and the version are answers; everything else that ends here is a question that cannot be asked.
    let isAnswer = Program.exitCode(for: error) == .success
    // Where they cannot be written there is nobody left to tell.
    try? await (isAnswer ? OutputFile.standardOutput : .standardError).write(text + "\n")
    exit(isAnswer ? 0 : 2)
}
