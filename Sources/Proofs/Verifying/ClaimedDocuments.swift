import CanonicalJSON
import Merkle

/// The eight evidence documents as a proof claims them; nil where one could not be read whole.
struct ClaimedDocuments {
    /// Step 1.
    struct Isolation {
        var processesAfter: Int64
        var layersMissing: [String]
    }

    /// Step 2.
    struct FileSystem {
        var bytes: Int64
        var openDescriptorsAfter: Int64
        var presentAfter: Bool
    }

    /// Step 3.
    struct Overwrite {
        var passes: [String]
        var bytes: Int64
        var bytesOverwritten: Int64
        var bytesCompared: Int64
        var mismatches: Int64
    }

    /// Step 4.
    struct DataKey {
        var guardedMemory: Bool
        var locked: Bool
        var zeroed: Bool
        var readBackZero: Bool
    }

    /// Step 6.
    struct ZeroBlocks {
        var blocks: Int64
        var merkleRoot: Hash
        var expectedRoot: Hash
    }

    /// Step 8.
    struct Completion {
        var sessionID: String
        var customerID: String
        var createdAt: UTCSecond
        var destroyedAt: UTCSecond
        var keyID: String
        var publicKeySHA256: Hash
        var trigger: DestructionTrigger
        var execCount: Int64
        var regulatoryContextSHA256: Hash
        var sessionContextSHA256: Hash
    }

    var isolation: Isolation?
    var fileSystem: FileSystem?
    var overwrite: Overwrite?
    var dataKey: DataKey?
    var zeroBlocks: ZeroBlocks?
    var logHead: LogHead?
    var completion: Completion?
}

extension ProofInspection {
    private static let namespaces: [StaticString] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]
    private static let sealedThings: [StaticString] = ["exec_answers", "spooled_inputs", "terminal_tickets"]
    private static let revokedThings: [StaticString] = ["environment_secrets", "terminal_tickets"]

    mutating func readDocuments(_ evidence: [JSONView?]) -> ClaimedDocuments {
        var documents = ClaimedDocuments()
        for (index, object) in evidence.enumerated() {
            guard let object else { continue }
            switch index {
            case 0: documents.isolation = readIsolation(object)
            case 1: documents.fileSystem = readFileSystem(object)
            case 2: documents.overwrite = readOverwrite(object)
            case 3: documents.dataKey = readDataKey(object)
            case 4: readCredentials(object)
            case 5: documents.zeroBlocks = readZeroBlocks(object)
            case 6: documents.logHead = readLogHead(object)
            case 7: documents.completion = readCompletion(object)
            default: break
            }
        }
        return documents
    }

    private mutating func readIsolation(_ object: JSONView) -> ClaimedDocuments.Isolation? {
        var reader = MemberReader(object, called: "environment_isolation")
        let missing = reader.strings("layers_missing")
        let namespaces = reader.object("namespaces")
        let after = reader.count("processes_after")
        _ = reader.count("processes_before")
        noteStructure(reader.finish())
        if let namespaces {
            var reader = MemberReader(namespaces, called: "namespaces")
            for name in Self.namespaces { _ = reader.count(name) }
            noteStructure(reader.finish())
        }
        guard let after, let missing else { return nil }
        return .init(processesAfter: after, layersMissing: missing)
    }

    private mutating func readFileSystem(_ object: JSONView) -> ClaimedDocuments.FileSystem? {
        var reader = MemberReader(object, called: "filesystem_destruction")
        let bytes = reader.count("bytes")
        _ = reader.count("files")
        _ = reader.count("mount_id")
        let descriptors = reader.count("open_descriptors_after")
        let present = reader.bool("present_after")
        _ = reader.count("size_bytes")
        let source = reader.text("source")
        require(source?.hasText("tmpfs") == true, .structure, "the file system is not tmpfs")
        noteStructure(reader.finish())
        guard let bytes, let descriptors, let present else { return nil }
        return .init(bytes: bytes, openDescriptorsAfter: descriptors, presentAfter: present)
    }

    private mutating func readOverwrite(_ object: JSONView) -> ClaimedDocuments.Overwrite? {
        var reader = MemberReader(object, called: "multipass_overwrite")
        let bytes = reader.count("bytes")
        let compared = reader.count("bytes_compared")
        let overwritten = reader.count("bytes_overwritten")
        _ = reader.bool("init_on_free")
        let mismatches = reader.count("mismatches")
        let passes = reader.strings("passes")
        _ = reader.bool("swap_active")
        noteStructure(reader.finish())
        guard let passes, let bytes, let overwritten, let compared, let mismatches else { return nil }
        return .init(
            passes: passes, bytes: bytes, bytesOverwritten: overwritten, bytesCompared: compared,
            mismatches: mismatches)
    }

    private mutating func readDataKey(_ object: JSONView) -> ClaimedDocuments.DataKey? {
        var reader = MemberReader(object, called: "key_zeroization")
        let guarded = reader.bool("guarded_memory")
        let locked = reader.bool("locked")
        let readBack = reader.bool("read_back_zero")
        let sealed = reader.object("sealed")
        let zeroed = reader.bool("zeroed")
        noteStructure(reader.finish())
        if let sealed {
            var reader = MemberReader(sealed, called: "sealed")
            for name in Self.sealedThings { _ = reader.count(name) }
            noteStructure(reader.finish())
        }
        guard let guarded, let locked, let zeroed, let readBack else { return nil }
        return .init(guardedMemory: guarded, locked: locked, zeroed: zeroed, readBackZero: readBack)
    }

    private mutating func readCredentials(_ object: JSONView) {
        var reader = MemberReader(object, called: "credential_incineration")
        let revoked = reader.object("revoked")
        noteStructure(reader.finish())
        if let revoked {
            var reader = MemberReader(revoked, called: "revoked")
            for name in Self.revokedThings { _ = reader.count(name) }
            noteStructure(reader.finish())
        }
    }

    private mutating func readZeroBlocks(_ object: JSONView) -> ClaimedDocuments.ZeroBlocks? {
        var reader = MemberReader(object, called: "merkle_zero_verification")
        let blockBytes = reader.count("block_bytes")
        require(blockBytes == 4096, .structure, "block_bytes is not 4096")
        let blocks = reader.count("blocks")
        let expectedRoot = reader.hash("expected_root")
        let merkleRoot = reader.hash("merkle_root")
        noteStructure(reader.finish())
        guard let blocks, let merkleRoot, let expectedRoot else { return nil }
        return .init(blocks: blocks, merkleRoot: merkleRoot, expectedRoot: expectedRoot)
    }

    private mutating func readLogHead(_ object: JSONView) -> LogHead? {
        var reader = MemberReader(object, called: "chain_integrity_seal")
        let origin = reader.string("log_origin")
        let root = reader.hash("log_root")
        let size = reader.count("log_size")
        noteStructure(reader.finish())
        guard let origin, let size, let root else { return nil }
        return LogHead(origin: origin, size: size, root: root)
    }

    private mutating func readCompletion(_ object: JSONView) -> ClaimedDocuments.Completion? {
        var reader = MemberReader(object, called: "lifecycle_completion")
        let version = reader.text("cdp_version")
        require(version?.hasText("1.0") == true, .consistency, "step 8 names another cdp_version")
        let createdAt = reader.second("created_at")
        let customerID = reader.string("customer_id")
        let destroyedAt = reader.second("destroyed_at")
        let execCount = reader.count("exec_count")
        let keyID = reader.string("key_id")
        let publicKey = reader.hash("public_key_sha256")
        let regulatory = reader.hash("regulatory_context_sha256")
        let session = reader.hash("session_context_sha256")
        let sessionID = reader.string("session_id")
        let trigger = reader.string("trigger").flatMap { DestructionTrigger(rawValue: $0) }
        require(trigger != nil, .structure, "lifecycle_completion.trigger is not api, ttl, oom or shutdown")
        noteStructure(reader.finish())
        guard let sessionID, let customerID, let createdAt, let destroyedAt, let keyID, let publicKey, let trigger,
            let execCount, let regulatory, let session
        else { return nil }
        return .init(
            sessionID: sessionID, customerID: customerID, createdAt: createdAt, destroyedAt: destroyedAt, keyID: keyID,
            publicKeySHA256: publicKey, trigger: trigger, execCount: execCount, regulatoryContextSHA256: regulatory,
            sessionContextSHA256: session)
    }
}
