import Glibc

/// Secrets that somebody types, or that another program writes to standard input; never an argument, which every user
/// of the machine could see.
public enum SecretInput {
    private static let bytesMax = 4_096

    /// One line: asked for on the terminal without being shown, or the first of standard input when that is no terminal.
    public static func read(_ prompt: String) async throws(ClientError) -> String {
        try await BlockingCalls.run { () throws(ClientError) in
            guard isatty(0) == 1 else { return try line(of: 0) }
            let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
            guard terminal >= 0 else { throw .file("The terminal", "cannot be opened", errno) }
            defer { close(terminal) }
            var settings = termios()
            guard tcgetattr(terminal, &settings) == 0 else { throw .file("The terminal", "cannot be set up", errno) }
            let before = settings
            settings.c_lflag &= ~tcflag_t(ECHO)
            guard tcsetattr(terminal, TCSAFLUSH, &settings) == 0 else {
                throw .file("The terminal", "cannot be set up", errno)
            }
            defer {
                var restored = before
                tcsetattr(terminal, TCSAFLUSH, &restored)
                say("\n", to: terminal)
            }
            say(prompt, to: terminal)
            return try line(of: terminal)
        }
    }

    /// Where the terminal cannot be written the read fails as well.
    private static func say(_ text: String, to terminal: Int32) {
        _ = Array(text.utf8).withUnsafeBytes { write(terminal, $0.baseAddress, $0.count) }
    }

    /// Byte by byte, so that what follows stays for whoever reads on.
    private static func line(of descriptor: Int32) throws(ClientError) -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < bytesMax {
            let count = Glibc.read(descriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .file("Standard input", "cannot be read", errno) }
            if count == 0 || byte == UInt8(ascii: "\n") { break }
            bytes.append(byte)
        }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else {
            throw ClientError(.usage, "Nothing was given. Type it, or send it to standard input as one line.")
        }
        return text
    }
}
