import ArgumentParser
import Glibc

/// A thin main: parse, run, and answer with the exit codes of docs/auditing.md.
do {
    var command = try Program.parseAsRoot()
    try command.run()
} catch let code as ExitCode {
    exit(code.rawValue)
} catch {
    let text = Program.fullMessage(for: error)
    // Help and the version are answers; everything else that ends here is a question that cannot be asked.
    if Program.exitCode(for: error) == .success {
        StandardStreams.write(text + "\n")
        exit(0)
    }
    StandardStreams.complain(text)
    exit(2)
}
