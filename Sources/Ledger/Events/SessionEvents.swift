public import Proofs
public import CanonicalJSON
public import Merkle

/// A session's environment stands ready. Stream: the session.
public struct SessionCreated: EventPayload {
    public static let type = "session.created"
    public static let version = 1

    /// Who asked for it: `key_id` or `member_id`.
    public enum Creator: Sendable, Hashable {
        case key(KeyID)
        case member(MemberID)
    }

    public var customerID: CustomerID
    public var dataClassification: DataClassification
    public var environment: KeyEnvironment
    public var jurisdiction: Jurisdiction
    public var creator: Creator
    /// Isolation layers it runs without because the operator allowed that; shown in every verdict.
    public var layersMissing: [String]
    /// Where the node runs, for example `eu`.
    public var region: String
    /// Time to live in seconds; nil for no limit.
    public var timeToLiveSeconds: Int64?

    public init(
        customerID: CustomerID, dataClassification: DataClassification, environment: KeyEnvironment,
        jurisdiction: Jurisdiction, creator: Creator, layersMissing: [String], region: String, timeToLiveSeconds: Int64?
    ) {
        self.customerID = customerID
        self.dataClassification = dataClassification
        self.environment = environment
        self.jurisdiction = jurisdiction
        self.creator = creator
        self.layersMissing = layersMissing
        self.region = region
        self.timeToLiveSeconds = timeToLiveSeconds
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        customerID = try reader.identifier("customer_id")
        dataClassification = try reader.parsed("data_classification", DataClassification.init(rawValue:))
        environment = try reader.parsed("environment", KeyEnvironment.init(rawValue:))
        jurisdiction = try reader.parsed("jurisdiction", Jurisdiction.init(rawValue:))
        let keyID: KeyID? = try reader.optionalIdentifier("key_id")
        layersMissing = try reader.strings("layers_missing")
        let memberID: MemberID? = try reader.optionalIdentifier("member_id")
        switch (keyID, memberID) {
        case (let id?, nil): creator = .key(id)
        case (nil, let id?): creator = .member(id)
        case (nil, nil): throw PayloadError("key_id", .missing)
        case (_?, _?): throw PayloadError("member_id", .notAllowed)
        }
        region = try reader.string("region")
        timeToLiveSeconds = try reader.optionalCount("ttl_seconds")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("customer_id", customerID.text)
        members.add("data_classification", dataClassification.rawValue)
        members.add("environment", environment.rawValue)
        members.add("jurisdiction", jurisdiction.rawValue)
        members.add("key_id", creator.keyID?.text)
        members.add("layers_missing", layersMissing)
        members.add("member_id", creator.memberID?.text)
        members.add("region", region)
        members.add("ttl_seconds", timeToLiveSeconds)
    }
}

extension SessionCreated.Creator {
    /// The key, if it was one.
    public var keyID: KeyID? {
        if case .key(let id) = self { id } else { nil }
    }

    /// The member, if it was one.
    public var memberID: MemberID? {
        if case .member(let id) = self { id } else { nil }
    }
}

/// A command begins. Of what runs, only a salted hash that the caller can open. Stream: the session.
public struct SessionExecuting: EventPayload {
    public static let type = "session.executing"
    public static let version = 1

    public var execID: ExecID
    /// Length of the input data, in bytes.
    public var inputBytes: Int64
    /// SHA-256(salt ‖ command ‖ 0x00 ‖ input), the receipt's salt being the caller's alone.
    public var receiptSHA256: Hash

    public init(execID: ExecID, inputBytes: Int64, receiptSHA256: Hash) {
        self.execID = execID
        self.inputBytes = inputBytes
        self.receiptSHA256 = receiptSHA256
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        execID = try reader.identifier("exec_id")
        inputBytes = try reader.count("input_bytes")
        receiptSHA256 = try reader.hash("receipt_sha256")
        try reader.finish()
    }

    public func write(to members: inout MemberWriter) {
        members.add("exec_id", execID.text)
        members.add("input_bytes", inputBytes)
        members.add("receipt_sha256", receiptSHA256.hex)
    }
}

/// A command ended; sizes and flags, never content. Stream: the session.
public struct SessionExecuted: EventPayload {
    public static let type = "session.executed"
    public static let version = 1

    /// How the command's first process ended.
    public enum Outcome: Sendable, Equatable {
        /// It exited with this code, 0…255.
        case exited(code: Int64)
        /// It was killed by the signal with this number, 1…64.
        case signalled(number: Int64)
    }

    /// Processor time of the whole process tree, in microseconds.
    public var cpuMicroseconds: Int64
    public var execID: ExecID
    public var outcome: Outcome
    /// Whether the session ran out of memory in it.
    public var outOfMemory: Bool
    public var peakMemoryBytes: Int64
    /// Bytes written to standard error, the cut ones included.
    public var stderrBytes: Int64
    /// Bytes written to standard output, the cut ones included.
    public var stdoutBytes: Int64
    public var timedOut: Bool
    /// Whether the caller got less than was written.
    public var truncated: Bool
    /// Time from start to end, in microseconds.
    public var wallMicroseconds: Int64

    public init(
        cpuMicroseconds: Int64, execID: ExecID, outcome: Outcome, outOfMemory: Bool, peakMemoryBytes: Int64,
        stderrBytes: Int64, stdoutBytes: Int64, timedOut: Bool, truncated: Bool, wallMicroseconds: Int64
    ) {
        self.cpuMicroseconds = cpuMicroseconds
        self.execID = execID
        self.outcome = outcome
        self.outOfMemory = outOfMemory
        self.peakMemoryBytes = peakMemoryBytes
        self.stderrBytes = stderrBytes
        self.stdoutBytes = stdoutBytes
        self.timedOut = timedOut
        self.truncated = truncated
        self.wallMicroseconds = wallMicroseconds
    }

    public init(data: JSONObject) throws(PayloadError) {
        var reader = PayloadReader(data)
        cpuMicroseconds = try reader.count("cpu_microseconds")
        execID = try reader.identifier("exec_id")
        let exitCode = try reader.optionalCount("exit_code")
        outOfMemory = try reader.bool("out_of_memory")
        peakMemoryBytes = try reader.count("peak_memory_bytes")
        let signal = try reader.optionalCount("signal")
        stderrBytes = try reader.count("stderr_bytes")
        stdoutBytes = try reader.count("stdout_bytes")
        timedOut = try reader.bool("timed_out")
        truncated = try reader.bool("truncated")
        wallMicroseconds = try reader.count("wall_microseconds")
        try reader.finish()
        switch (exitCode, signal) {
        case (let code?, nil) where code <= 255: outcome = .exited(code: code)
        case (nil, let number?) where (1...64).contains(number): outcome = .signalled(number: number)
        case (nil, nil): throw PayloadError("exit_code", .missing)
        case (_?, nil): throw PayloadError("exit_code", .notAllowed)
        case (_, _?): throw PayloadError("signal", .notAllowed)
        }
    }

    public func write(to members: inout MemberWriter) {
        members.add("cpu_microseconds", cpuMicroseconds)
        members.add("exec_id", execID.text)
        if case .exited(let code) = outcome { members.add("exit_code", code) }
        members.add("out_of_memory", outOfMemory)
        members.add("peak_memory_bytes", peakMemoryBytes)
        if case .signalled(let number) = outcome { members.add("signal", number) }
        members.add("stderr_bytes", stderrBytes)
        members.add("stdout_bytes", stdoutBytes)
        members.add("timed_out", timedOut)
        members.add("truncated", truncated)
        members.add("wall_microseconds", wallMicroseconds)
    }
}
