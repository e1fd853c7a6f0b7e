import EventStore
import Foundation
import Vault

/// The public half of a log's recovery key, as an operator names it.
public struct LogRecoveryKey: Sendable, Equatable {
    let verifierKey: VerifierKey

    /// `name+1a2b3c4d+Ae…`, C2SP signed-note.
    public var text: String { verifierKey.description }

    init(_ verifierKey: VerifierKey) { self.verifierKey = verifierKey }

    /// Reads a verifier key, or the file that holds one.
    ///
    /// - Throws: ``ServerError`` saying what is wrong with it.
    public init(keyOrFile text: String) throws(ServerError) {
        if let key = VerifierKey(text) {
            verifierKey = key
            return
        }
        let content: String
        do { content = try String(contentsOfFile: text, encoding: .utf8) } catch {
            throw ServerError("\(text) is neither a verifier key nor a file that can be read.")
        }
        guard let key = VerifierKey(content.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw ServerError(
                "\(text) holds no verifier key (name+1a2b3c4d+Ae…). Give the .pub file that `nrx-server recovery-key` made."
            )
        }
        verifierKey = key
    }
}

/// Makes a recovery key: `path` with its private half, `path` and `.pub` with the public one. Blocking.
///
/// - Parameter name: the key's name, without white space and `+`.
/// - Returns: the public half.
public func makeRecoveryKey(at path: String, name: String) throws -> String {
    try RecoveryKey.make(at: path, name: name).verifierKey.description
}
