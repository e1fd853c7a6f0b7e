import CanonicalJSON
import Merkle

// The evidence documents of CDP 1.0, steps 1 to 6: exactly the members of docs/cdp.md.

extension IsolationEvidence {
    var document: JSONValue {
        [
            "namespaces": [
                "cgroup": .integer(namespaces.cgroup), "ipc": .integer(namespaces.ipc), "mnt": .integer(namespaces.mnt),
                "net": .integer(namespaces.net), "pid": .integer(namespaces.pid), "user": .integer(namespaces.user),
                "uts": .integer(namespaces.uts),
            ],
            "processes_before": .integer(Int64(processesBefore)),
            "processes_after": .integer(Int64(processesAfter)),
            "layers_missing": .array(layersMissing.map { .string($0) }),
        ]
    }
}

extension FileSystemEvidence {
    var document: JSONValue {
        [
            "source": "tmpfs",
            "mount_id": .integer(mountID),
            "size_bytes": .integer(sizeBytes),
            "files": .integer(files),
            "bytes": .integer(bytes),
            "open_descriptors_after": .integer(Int64(openDescriptorsAfter)),
            "present_after": .bool(presentAfter),
        ]
    }
}

extension OverwriteEvidence {
    /// What each pass writes, in order.
    static let passes = ["00", "ff", "random", "00"]

    var document: JSONValue {
        [
            "passes": .array(Self.passes.map { .string($0) }),
            "bytes": .integer(bytes),
            "bytes_overwritten": .integer(bytesOverwritten),
            "bytes_compared": .integer(bytesCompared),
            "mismatches": .integer(mismatches),
            "init_on_free": .bool(initOnFree),
            "swap_active": .bool(swapActive),
        ]
    }
}

extension KeyEvidence {
    var document: JSONValue {
        [
            "guarded_memory": .bool(guardedMemory),
            "locked": .bool(locked),
            "zeroed": .bool(zeroed),
            "read_back_zero": .bool(readBackZero),
            "sealed": [
                "exec_answers": .integer(Int64(sealed.execAnswers)),
                "spooled_inputs": .integer(Int64(sealed.spooledInputs)),
                "terminal_tickets": .integer(Int64(sealed.terminalTickets)),
            ],
        ]
    }
}

extension CredentialEvidence {
    var document: JSONValue {
        [
            "revoked": [
                "environment_secrets": .integer(Int64(environmentSecrets)),
                "terminal_tickets": .integer(Int64(terminalTickets)),
            ]
        ]
    }
}

extension ZeroTreeEvidence {
    var document: JSONValue {
        [
            "block_bytes": .integer(ZeroTree.blockBytes),
            "blocks": .integer(blocks),
            "merkle_root": .string(merkleRoot.hex),
            "expected_root": .string(expectedRoot.hex),
        ]
    }
}

extension LogHead {
    /// Step 7, `rzl_audit` / `chain_integrity_seal`.
    var document: JSONValue {
        ["log_origin": .string(origin), "log_size": .integer(size), "log_root": .string(root.hex)]
    }
}

extension SessionContext {
    /// The `session_context` of a proof.
    var document: JSONValue {
        [
            "jurisdiction": .string(jurisdiction.rawValue),
            "data_classification": .string(dataClassification.rawValue),
            "region": .string(region),
            "environment": .string(environment.rawValue),
        ]
    }
}
