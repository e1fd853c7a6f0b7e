public import Merkle

/// What was measured while a session's environment was destroyed: steps 1 to 6 of a destruction proof, before there
/// is a proof. Every number was read from the machine, none is assumed (docs/cdp.md).
public struct DestructionEvidence: Sendable, Equatable {
    /// Step 1.
    public var isolation: IsolationEvidence
    /// Step 2.
    public var fileSystem: FileSystemEvidence
    /// Step 3.
    public var overwrite: OverwriteEvidence
    /// Step 4.
    public var key: KeyEvidence
    /// Step 5.
    public var credentials: CredentialEvidence
    /// Step 6.
    public var zeroTree: ZeroTreeEvidence

    /// Evidence of all six steps.
    public init(
        isolation: IsolationEvidence, fileSystem: FileSystemEvidence, overwrite: OverwriteEvidence, key: KeyEvidence,
        credentials: CredentialEvidence, zeroTree: ZeroTreeEvidence
    ) {
        self.isolation = isolation
        self.fileSystem = fileSystem
        self.overwrite = overwrite
        self.key = key
        self.credentials = credentials
        self.zeroTree = zeroTree
    }
}

/// Step 1, `eee_namespace` / `environment_isolation`.
public struct IsolationEvidence: Sendable, Equatable {
    /// Inode numbers of the session's namespaces while it was alive.
    public struct Namespaces: Sendable, Equatable {
        public var cgroup, ipc, mnt, net, pid, user, uts: Int64

        /// The inode numbers as `/proc/PID/ns` shows them.
        public init(cgroup: Int64, ipc: Int64, mnt: Int64, net: Int64, pid: Int64, user: Int64, uts: Int64) {
            (self.cgroup, self.ipc, self.mnt, self.net, self.pid, self.user, self.uts) =
                (cgroup, ipc, mnt, net, pid, user, uts)
        }
    }

    /// Where the session ran.
    public var namespaces: Namespaces
    /// Processes of the session when its destruction began, the init included.
    public var processesBefore: Int
    /// Processes left after it; 0 in a clean destruction.
    public var processesAfter: Int
    /// Names of the isolation layers that this session ran without, because the operator allowed it.
    public var layersMissing: [String]

    /// Evidence of step 1.
    public init(namespaces: Namespaces, processesBefore: Int, processesAfter: Int, layersMissing: [String]) {
        self.namespaces = namespaces
        self.processesBefore = processesBefore
        self.processesAfter = processesAfter
        self.layersMissing = layersMissing
    }
}

/// Step 2, `eee_tmpfs` / `filesystem_destruction`.
public struct FileSystemEvidence: Sendable, Equatable {
    /// The mount's id, from `/proc/PID/mountinfo`.
    public var mountID: Int64
    /// Size limit of the tmpfs, in bytes.
    public var sizeBytes: Int64
    /// Regular files found.
    public var files: Int64
    /// Bytes allocated to them, in whole 4 KiB blocks.
    public var bytes: Int64
    /// Descriptors that the server still held on that device; 0 in a clean destruction.
    public var openDescriptorsAfter: Int
    /// Whether the mount was still visible from the server's pid namespace; false in a clean destruction.
    public var presentAfter: Bool

    /// Evidence of step 2.
    public init(
        mountID: Int64, sizeBytes: Int64, files: Int64, bytes: Int64, openDescriptorsAfter: Int, presentAfter: Bool
    ) {
        self.mountID = mountID
        self.sizeBytes = sizeBytes
        self.files = files
        self.bytes = bytes
        self.openDescriptorsAfter = openDescriptorsAfter
        self.presentAfter = presentAfter
    }
}

/// Step 3, `eee_memory` / `multipass_overwrite`. The passes are always 00, ff, random, 00.
public struct OverwriteEvidence: Sendable, Equatable {
    /// Allocated bytes found, in whole 4 KiB blocks.
    public var bytes: Int64
    /// Bytes written over all passes.
    public var bytesOverwritten: Int64
    /// Bytes read back and compared with zero.
    public var bytesCompared: Int64
    /// Bytes that were not zero; 0 in a clean destruction.
    public var mismatches: Int64
    /// Whether the kernel zeroes pages as it frees them (`init_on_free=1`).
    public var initOnFree: Bool
    /// Whether the host had swap on.
    public var swapActive: Bool

    /// Evidence of step 3.
    public init(
        bytes: Int64, bytesOverwritten: Int64, bytesCompared: Int64, mismatches: Int64, initOnFree: Bool,
        swapActive: Bool
    ) {
        self.bytes = bytes
        self.bytesOverwritten = bytesOverwritten
        self.bytesCompared = bytesCompared
        self.mismatches = mismatches
        self.initOnFree = initOnFree
        self.swapActive = swapActive
    }
}

/// Step 4, `dire_keys` / `key_zeroization`: the session's data key.
public struct KeyEvidence: Sendable, Equatable {
    /// How many things the key sealed.
    public struct Sealed: Sendable, Equatable {
        public var execAnswers, spooledInputs, terminalTickets: Int

        /// Counts of what the key sealed.
        public init(execAnswers: Int, spooledInputs: Int, terminalTickets: Int) {
            (self.execAnswers, self.spooledInputs, self.terminalTickets) = (execAnswers, spooledInputs, terminalTickets)
        }
    }

    /// Whether the key lay in guarded memory.
    public var guardedMemory: Bool
    /// Whether that memory was locked into RAM.
    public var locked: Bool
    /// Whether it was overwritten with zeros.
    public var zeroed: Bool
    /// Whether it read back as zeros afterwards.
    public var readBackZero: Bool
    /// What the key sealed while it lived.
    public var sealed: Sealed

    /// Evidence of step 4.
    public init(guardedMemory: Bool, locked: Bool, zeroed: Bool, readBackZero: Bool, sealed: Sealed) {
        self.guardedMemory = guardedMemory
        self.locked = locked
        self.zeroed = zeroed
        self.readBackZero = readBackZero
        self.sealed = sealed
    }
}

/// Step 5, `dire_identity` / `credential_incineration`.
public struct CredentialEvidence: Sendable, Equatable {
    /// Secrets that were in the session's environment.
    public var environmentSecrets: Int
    /// Terminal tickets that were still valid.
    public var terminalTickets: Int

    /// Evidence of step 5.
    public init(environmentSecrets: Int, terminalTickets: Int) {
        self.environmentSecrets = environmentSecrets
        self.terminalTickets = terminalTickets
    }
}

/// Step 6, `fgx_forensic` / `merkle_zero_verification`.
public struct ZeroTreeEvidence: Sendable, Equatable {
    /// Blocks of 4,096 bytes read back.
    public var blocks: Int64
    /// RFC 6962 root over the blocks as they were read.
    public var merkleRoot: Hash
    /// RFC 6962 root of as many zero blocks.
    public var expectedRoot: Hash

    /// Evidence of step 6.
    public init(blocks: Int64, merkleRoot: Hash, expectedRoot: Hash) {
        self.blocks = blocks
        self.merkleRoot = merkleRoot
        self.expectedRoot = expectedRoot
    }
}
