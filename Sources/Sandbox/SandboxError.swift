/// Why a sandbox could not do what was asked. Holds no content of a session: no command, path, input or output.
public struct SandboxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Stable names for programs.
    public enum Code: String, Sendable {
        /// A kernel feature that isolation needs is not there, and the operator did not allow going without it.
        case layerMissing = "layer_missing"
        /// A program or directory that the sandbox needs is not there or not usable.
        case configuration
        /// The environment did not come up.
        case startFailed = "start_failed"
        /// The session's environment is being destroyed, or is gone.
        case gone
        /// A command is running already; one runs at a time.
        case busy
        /// The request cannot be carried out as it is: an empty command, a NUL byte, too long.
        case invalidRequest = "invalid_request"
        /// The working directory does not exist inside, or is not a directory.
        case noDirectory = "no_directory"
        /// The file does not exist.
        case notFound = "not_found"
        /// The path leaves the workspace, passes a link, or is no regular file.
        case refused
        /// The workspace is full: bytes or inodes.
        case full
        /// Nothing listens on that port.
        case connectionRefused = "connection_refused"
        /// The machine refused something that should work.
        case system
    }

    public var code: Code
    /// What happened and what to do about it.
    public var message: String
    /// The system's error number behind it; 0 when there is none.
    public var systemError: Int32
    /// Where: the operation, or the layer.
    public var place: String

    public init(_ code: Code, _ message: String, systemError: Int32 = 0, place: String = #function) {
        self.code = code
        self.message = message
        self.systemError = systemError
        self.place = place
    }

    public var description: String {
        let cause = systemError == 0 ? "" : " (\(systemErrorText(systemError)))"
        return "\(code.rawValue): \(message)\(cause) [\(place)]"
    }
}
