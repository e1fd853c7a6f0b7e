public import EventStore

/// Reads the small files that the auditor is given.
public enum InputFiles {
    /// Name of the checkpoint beside a log's segments.
    static let checkpointName = "checkpoint"
    /// Name of the checkpoint that witnesses have cosigned.
    static let cosignedName = "checkpoint.cosigned"

    /// The whole content of a file of at most 16 MiB.
    public static func bytes(of path: String) throws(AuditorError) -> [UInt8] {
        do throws(FileError) {
            let file = try POSIXFileSystem().open(path, .read)
            guard try file.size() <= 16 << 20 else { throw FileError(.read, path: path, errno: 27) }
            return try file.contents()
        } catch { throw AuditorError(error) }
    }

    /// A checkpoint that the auditor kept.
    public static func checkpoint(at path: String) throws(AuditorError) -> Checkpoint {
        let text = String(decoding: try bytes(of: path), as: UTF8.self)
        do throws(NoteError) { return try Checkpoint(text: text) } catch {
            throw AuditorError(
                .usage, "\(path) is not a checkpoint: \(error). Give the text that `nrx-replay checkpoint` prints.",
                file: path, cause: error)
        }
    }

    /// A `.tlog-proof` file.
    public static func inclusionProof(at path: String) throws(AuditorError) -> Result<InclusionProof, NoteError> {
        let text = String(decoding: try bytes(of: path), as: UTF8.self)
        return Result { () throws(NoteError) in try InclusionProof(text: text) }
    }

    /// A trust policy (C2SP `tlog-policy`).
    public static func policy(at path: String) throws(AuditorError) -> TrustPolicy {
        guard let text = String(validating: try bytes(of: path), as: UTF8.self) else {
            throw AuditorError(.usage, "\(path) is not UTF-8 text.", file: path)
        }
        do throws(PolicyError) { return try TrustPolicy(text: text) } catch {
            throw AuditorError(.usage, "\(path) is not a policy: \(error).", file: path, cause: error)
        }
    }

    /// A consistency proof, as `nrx-replay consistency` prints it.
    public static func consistencyProof(at path: String) throws(AuditorError) -> Result<ConsistencyProof, NoteError> {
        let text = String(decoding: try bytes(of: path), as: UTF8.self)
        return Result { () throws(NoteError) in try ConsistencyProof(text: text) }
    }

    /// A verifier key as an argument: the key itself, or the path of a file that holds it.
    public static func verifierKey(_ argument: String) throws(AuditorError) -> VerifierKey {
        if let key = VerifierKey(argument) { return key }
        let fileSystem = POSIXFileSystem()
        let isFile: Bool
        do throws(FileError) { isFile = try fileSystem.exists(argument) } catch { throw AuditorError(error) }
        let text = isFile ? String(decoding: try bytes(of: argument), as: UTF8.self) : argument
        guard let line = text.split(separator: "\n").first.map(String.init), let key = VerifierKey(line) else {
            throw AuditorError(
                .usage,
                "\(argument) is neither a verifier key nor a file that holds one. A key looks like"
                    + " name+1a2b3c4d+AbCd… (C2SP signed-note).")
        }
        return key
    }

    /// The checkpoint beside the log's segments; nil when there is none.
    static func ownCheckpoint(
        of directory: String, named name: String = checkpointName
    ) throws(AuditorError) -> Result<Checkpoint, NoteError>? {
        let path = directory + "/" + name
        do throws(FileError) { guard try POSIXFileSystem().exists(path) else { return nil } } catch {
            throw AuditorError(error)
        }
        let text = String(decoding: try bytes(of: path), as: UTF8.self)
        return Result { () throws(NoteError) in try Checkpoint(text: text) }
    }
}
