/// How a server's sandboxes are made.
public struct SandboxConfiguration: Sendable {
    /// Where the server keeps what must be found again after its death: a lock, and the name of its cgroups. One server
    /// a directory.
    public var stateDirectory: String
    /// The bubblewrap program; nil looks in /usr/bin, /usr/local/bin and PATH.
    public var bubblewrapPath: String?
    /// The nrx-init program; nil looks beside the running executable, then at `$NRX_INIT`.
    public var initPath: String?
    /// Every session's processes run as their own user of the host: this number and those after it. Only when the
    /// server is root.
    public var userIDBase: UInt32
    /// How many user numbers there are.
    public var userIDCount: UInt32
    /// Ready environments to hold; 0 starts each session cold.
    public var warmPoolSize: Int
    /// Layers that may be missing. The evidence of every session then names them.
    public var allowedMissingLayers: Set<Layer>
    /// After a timeout's SIGTERM, how long a command may tidy up before everything of it is killed.
    public var terminationGraceMicroseconds: Int64
    /// How long after a command's end its output may still be read from pipes that its children hold open.
    public var drainMicroseconds: Int64
    /// How long an environment may take to come up.
    public var startTimeoutMilliseconds: Int32

    /// Layers to leave out although the machine has them: only for tests of what happens then.
    var leftOutLayers: Set<Layer> = []
    /// Called for each file between its overwriting and its reading back: only for tests of what a block that changed
    /// in between leads to.
    var beforeComparing: (@Sendable (_ file: Int32) -> Void)?

    public init(
        stateDirectory: String, bubblewrapPath: String? = nil, initPath: String? = nil,
        userIDBase: UInt32 = 1_900_000_000, userIDCount: UInt32 = 65_536, warmPoolSize: Int = 0,
        allowedMissingLayers: Set<Layer> = [], terminationGraceMicroseconds: Int64 = 2_000_000,
        drainMicroseconds: Int64 = 200_000, startTimeoutMilliseconds: Int32 = 10_000
    ) {
        self.stateDirectory = stateDirectory
        self.bubblewrapPath = bubblewrapPath
        self.initPath = initPath
        self.userIDBase = userIDBase
        self.userIDCount = userIDCount
        self.warmPoolSize = warmPoolSize
        self.allowedMissingLayers = allowedMissingLayers
        self.terminationGraceMicroseconds = terminationGraceMicroseconds
        self.drainMicroseconds = drainMicroseconds
        self.startTimeoutMilliseconds = startTimeoutMilliseconds
    }
}

/// What one session may use.
public struct SessionSpecification: Sendable, Equatable {
    /// `sess_` and 32 lower-case hex digits.
    public var sessionID: String
    /// Size of the tmpfs that holds everything the session can write.
    public var workspaceBytes: Int64
    /// Files, directories and links in it.
    public var workspaceFilesMax: Int64
    /// Memory of all the session's processes, its tmpfs included; no swap.
    public var memoryBytes: Int64
    /// Processes and threads at one time.
    public var processesMax: Int
    /// Processor time: 1,000 is one whole processor.
    public var processorThousandths: Int
    /// Open files of one process.
    public var descriptorsMax: Int

    public init(
        sessionID: String, workspaceBytes: Int64 = 64 << 20, workspaceFilesMax: Int64 = 65_536,
        memoryBytes: Int64 = 256 << 20, processesMax: Int = 128, processorThousandths: Int = 1_000,
        descriptorsMax: Int = 1_024
    ) {
        self.sessionID = sessionID
        self.workspaceBytes = workspaceBytes
        self.workspaceFilesMax = workspaceFilesMax
        self.memoryBytes = memoryBytes
        self.processesMax = processesMax
        self.processorThousandths = processorThousandths
        self.descriptorsMax = descriptorsMax
    }

    /// Longest single file (RLIMIT_FSIZE): more than fits, so that a full workspace says so, and less than a sparse file
    /// would need to confuse anybody.
    var fileBytesMax: Int64 { 2 * workspaceBytes }

    var processLimits: Program.Limits { .init(descriptorsMax: descriptorsMax, fileBytesMax: fileBytesMax) }

    /// Throws unless every number makes sense: positive, and the workspace below the memory.
    func validate() throws(SandboxError) {
        let id = sessionID.utf8
        let isHex = id.dropFirst(5).allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        guard id.count == 37, sessionID.hasPrefix("sess_"), isHex else {
            throw SandboxError(.invalidRequest, "a session id is sess_ and 32 lower-case hex digits")
        }
        guard workspaceBytes >= 65_536, workspaceFilesMax >= 16, processesMax >= 2, processorThousandths >= 10,
            descriptorsMax >= 16
        else { throw SandboxError(.invalidRequest, "a session's limits are too small to run anything") }
        guard workspaceBytes < memoryBytes else {
            throw SandboxError(.invalidRequest, "workspaceBytes must be below memoryBytes, which pays for it")
        }
    }
}
